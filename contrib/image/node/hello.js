// SPDX-License-Identifier: Apache-2.0
const os = require('os');

console.log(`Hello from Node on ${os.type()} ${os.release()}`);
