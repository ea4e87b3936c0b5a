/* SPDX-License-Identifier: Apache-2.0 */

/* As sha256_late.c, where libcrypto is a shared library, which starts before the program does. */

#include "util/sha256.h"

void sha256_begin(SHA256_CTX *hash)
{
	SHA256_Init(hash);
}
