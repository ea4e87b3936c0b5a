/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Files of the host that users know. */

#define KM_SETTINGS_FILE "/etc/krun/krun.json"
