/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/utsname.h>

int main(void)
{
	struct utsname name;

	if (uname(&name) < 0)
		return 1;
	printf("Hello from a static program on %s %s\n", name.sysname, name.release);
	return 0;
}
