/* SPDX-License-Identifier: Apache-2.0 */

/* Prints the number of its session keyring, as /proc/keys has it. */

#include <linux/keyctl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	long key = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);

	if (key < 0)
		perror("keyctl");
	else
		printf("%08x\n", (unsigned int)key);
	return key < 0;
}
