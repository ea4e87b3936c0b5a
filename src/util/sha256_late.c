/* SPDX-License-Identifier: Apache-2.0 */

/*
 * When a program starts, libcrypto asks for the processor's instructions by CPUID, which in a virtual machine
 * goes to the hypervisor each time. Few commands hash anything. So the linker (--wrap, meson.build) puts the
 * first function below in the place of libcrypto's own, which is the second one. If nobody called it, hashes
 * would be right, but slow.
 */

#include "util/sha256.h"

void __wrap_OPENSSL_cpuid_setup(void);
void __real_OPENSSL_cpuid_setup(void);

void __wrap_OPENSSL_cpuid_setup(void)
{
}

void sha256_begin(SHA256_CTX *hash)
{
	/* Does nothing when it is called again. */
	__real_OPENSSL_cpuid_setup();
	SHA256_Init(hash);
}
