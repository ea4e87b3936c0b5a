/* SPDX-License-Identifier: Apache-2.0 */

/* On a processor that km does not support there is no payload to try it with. */

extern const char krun_hello_begin[], krun_hello_end[];
const char krun_hello_begin[] = "", krun_hello_end[] = "";
