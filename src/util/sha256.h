/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SHA-256 by libcrypto's functions SHA256_Update() and SHA256_Final(), after sha256_begin(). They are its
 * low-level ones, because those of EVP cost a static program a third of a millisecond at its start.
 */
#define OPENSSL_API_COMPAT 0x10100000L
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

/* Begins a hash. To be called instead of SHA256_Init(). */
void sha256_begin(SHA256_CTX *hash);
