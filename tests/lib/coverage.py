# SPDX-License-Identifier: Apache-2.0
"""The tests of each property of the runtime specification 1.3.0: one row for each property of the schema."""

import os
import re

# Property: regular expression for "RING: FILE.CLASS.TEST" of tests that look at its effect.
PROPERTIES = {
    "/ociVersion": r"BadConfig.test_empty_and_relative|CreateStart|Look_.*test_state_is",
    "/root/path": r"Root_.*test_absolute_root_path|Root_.*test_missing_root",
    "/root/readonly": r"Root_.*test_read_only_root|Root_.*test_writable",
    "/hostname": r"Namespaces_.*test_names",
    "/domainname": r"Namespaces_.*test_names",
    "/annotations": r"Look_.*test_state_is|Hooks_.*test_output_goes",
    "/hooks/prestart": r"Hooks_.*test_order",
    "/hooks/createRuntime": r"Hooks_.*test_order",
    "/hooks/createContainer": r"Hooks_.*test_order|Hooks_.*test_namespaces_of_each",
    "/hooks/startContainer": r"Hooks_.*test_order|Hooks_.*test_namespaces_of_each",
    "/hooks/poststart": r"Hooks_.*test_order",
    "/hooks/poststop": r"Hooks_.*test_order|Hooks_.*test_failing_poststop",
    "/hooks/*/path": r"Hooks_.*test_missing_hook",
    "/hooks/*/args": r"Hooks_.*test_environment_and_arguments",
    "/hooks/*/env": r"Hooks_.*test_environment_and_arguments",
    "/hooks/*/timeout": r"Hooks_.*test_time_out",
    "/mounts/*/destination": r"Mounts_.*test_bind_mount|HostileRoot",
    "/mounts/*/source": r"Mounts_.*test_bind_mount|Mounts_.*test_missing_source",
    "/mounts/*/type": r"Mounts_.*test_proc_sysfs",
    "/mounts/*/options": r"MountOption.test_|Mounts_.*test_tmpfs_options",
    "/mounts/*/uidMappings": r"IdMapped_.*test_mappings",
    "/mounts/*/gidMappings": r"IdMapped_.*test_mappings",
    "/process/terminal": r"Terminal_",
    "/process/consoleSize": r"Terminal_.*test_console_size",
    "/process/cwd": r"Identity_.*test_user_groups|Identity_.*working_directory",
    "/process/env": r"Identity_.*test_environment",
    "/process/args": r"Run_.*test_output_and_status",
    "/process/user/uid": r"Identity_.*test_user_groups",
    "/process/user/gid": r"Identity_.*test_user_groups",
    "/process/user/umask": r"Identity_.*test_user_groups",
    "/process/user/additionalGids": r"Identity_.*test_user_groups",
    "/process/capabilities/bounding": r"Restrictions_.*test_capability_sets",
    "/process/capabilities/effective": r"Restrictions_.*test_capability_sets",
    "/process/capabilities/inheritable": r"Restrictions_.*test_capability_sets",
    "/process/capabilities/permitted": r"Restrictions_.*test_capability_sets",
    "/process/capabilities/ambient": r"Restrictions_.*test_capability_sets",
    "/process/rlimits": r"Restrictions_.*test_rlimits",
    "/process/noNewPrivileges": r"Restrictions_.*test_no_new_privileges",
    "/process/apparmorProfile": r"Labels_.*test_apparmor",
    "/process/selinuxLabel": r"Labels_.*test_selinux",
    "/process/oomScoreAdj": r"Restrictions_.*test_oom_score",
    "/process/scheduler/policy": r"Scheduling_.*test_(real_time|batch|deadline)",
    "/process/scheduler/nice": r"Scheduling_.*test_batch",
    "/process/scheduler/priority": r"Scheduling_.*test_real_time",
    "/process/scheduler/flags": r"Scheduling_.*test_reset_on_fork",
    "/process/scheduler/runtime": r"Scheduling_.*test_deadline",
    "/process/scheduler/deadline": r"Scheduling_.*test_deadline",
    "/process/scheduler/period": r"Scheduling_.*test_deadline",
    "/process/ioPriority/class": r"Scheduling_.*test_io_priority",
    "/process/ioPriority/priority": r"Scheduling_.*test_io_priority",
    "/process/execCPUAffinity/initial": r"Scheduling_.*test_initial_cpus",
    "/process/execCPUAffinity/final": r"Scheduling_.*test_cpus_of_exec",
    "/linux/namespaces/*/type": r"Namespaces_.*test_each_listed",
    "/linux/namespaces/*/path": r"Namespaces_.*test_joining",
    "/linux/uidMappings": r"UserNamespace_.*test_root_inside",
    "/linux/gidMappings": r"UserNamespace_.*test_root_inside",
    "/linux/timeOffsets": r"Namespaces_.*test_time_offsets",
    "/linux/devices/*": r"Devices_.*test_configured_devices",
    "/linux/netDevices/*/name": r"NetDevices_.*test_device_gets_another_name",
    "/linux/cgroupsPath": r"Cgroup_.*test_configured_path",
    "/linux/rootfsPropagation": r"Root_.*test_propagation_of_the_root",
    "/linux/maskedPaths": r"Hidden_.*test_masked",
    "/linux/readonlyPaths": r"Hidden_.*test_masked",
    "/linux/mountLabel": r"Labels_.*test_mount_label",
    "/linux/sysctl": r"Restrictions_.*test_sysctl_of_an_own",
    "/linux/personality/domain": r"Identity_.*test_execution_domain",
    "/linux/memoryPolicy/mode": r"Scheduling_.*test_memory_policy$",
    "/linux/memoryPolicy/nodes": r"Scheduling_.*test_memory_policy$",
    "/linux/memoryPolicy/flags": r"Scheduling_.*test_memory_policy$",
    "/linux/intelRdt": r"BadConfig.test_what_is_not_done_yet",
    "/linux/seccomp/defaultAction": r"Restrictions_.*test_seccomp_returns|Agent_",
    "/linux/seccomp/defaultErrnoRet": r"Seccomp_.*test_default_errno",
    "/linux/seccomp/architectures": r"Restrictions_.*test_unknown_system_calls|Seccomp_.*test_architectures",
    "/linux/seccomp/flags": r"Agent_.*test_calls_of_the_runtime",
    "/linux/seccomp/listenerPath": r"Agent_.*test_agent_answers",
    "/linux/seccomp/listenerMetadata": r"Agent_.*test_agent_answers",
    "/linux/seccomp/syscalls/*/names": r"Restrictions_.*test_seccomp_returns",
    "/linux/seccomp/syscalls/*/action": r"Restrictions_.*test_seccomp_returns",
    "/linux/seccomp/syscalls/*/errnoRet": r"Restrictions_.*test_seccomp_returns",
    "/linux/seccomp/syscalls/*/args": r"Seccomp_.*test_arguments",
    "/linux/resources/devices/*": r"Devices_.*test_device_that_is_not_allowed|Devices_.*test_last_matching|test_limits.Devices_.*test_partial_access",
    "/linux/resources/memory/limit": r"Memory_.*test_program_above|Limits_.*test_memory$",
    "/linux/resources/memory/reservation": r"Update_.*test_every_option|Limits_.*test_memory$",
    "/linux/resources/memory/swap": r"Swap.*test_memory_and_swap|Limits_.*test_memory$",
    "/linux/resources/memory/kernel": r"Limits_.*test_impossible",
    "/linux/resources/memory/kernelTCP": r"Limits_.*test_impossible",
    "/linux/resources/memory/swappiness": r"Limits_.*test_impossible",
    "/linux/resources/memory/disableOOMKiller": r"Limits_.*test_impossible",
    "/linux/resources/memory/useHierarchy": r"Limits_.*test_impossible",
    "/linux/resources/memory/checkBeforeUpdate": r"Update_.*test_check_before_update|Limits_.*test_memory$",
    "/linux/resources/cpu/shares": r"Update_.*test_every_option|Limits_.*test_cpu$",
    "/linux/resources/cpu/quota": r"Cpu_.*test_quota_slows|Limits_.*test_cpu$",
    "/linux/resources/cpu/period": r"Update_.*test_every_option|Limits_.*test_cpu$",
    "/linux/resources/cpu/burst": r"Update_.*test_quota_below_the_burst|Limits_.*test_cpu$",
    "/linux/resources/cpu/idle": r"Cpu_.*test_idle_and_back|Limits_.*test_cpu$",
    "/linux/resources/cpu/realtimeRuntime": r"Limits_.*test_impossible",
    "/linux/resources/cpu/realtimePeriod": r"Limits_.*test_impossible",
    "/linux/resources/cpu/cpus": r"Cpu_.*test_cpuset|Limits_.*test_cpuset",
    "/linux/resources/cpu/mems": r"Cpu_.*test_cpuset|Limits_.*test_cpuset",
    "/linux/resources/pids/limit": r"Pids_.*test_fork_fails|Limits_.*test_pids",
    "/linux/resources/blockIO": r"Io.*test_throttle_slows|Limits_.*test_io",
    "/linux/resources/hugepageLimits": r"HugePages_.*test_reservation|HugePages_.*test_page_above",
    "/linux/resources/network": r"Limits_.*test_impossible",
    "/linux/resources/rdma": r"Rdma.*test_limits_of_a_device|Validate.test_shapes",
    "/linux/resources/unified": r"Io.*test_lines_of_unified|Limits_.*test_hugetlb_and_unified",
    "/vm/hypervisor/path": r"Layers.test_vm_names",
    "/vm/hypervisor/parameters": r"Layers.test_annotations_over_vm",
    "/vm/hwConfig/memory": r"Layers.test_annotations_over_vm",
    "/vm/kernel/path": r"Refusals.test_what_km_does_not_have",
    "/vm/image/path": r"Refusals.test_what_km_does_not_have",
    "/vm/hwConfig/vcpus": r"Refusals.test_what_km_does_not_have",
}


def rows(results):
    """Makes [(property, tests, result)] from [(name, outcome)]; the result is the worst outcome of the tests."""
    table = []
    for pointer, pattern in PROPERTIES.items():
        matching = [(name, outcome) for name, outcome in results if re.search(pattern, name)]
        outcomes = {outcome for _, outcome in matching}
        result = "no test" if not matching else "failed" if "failed" in outcomes else \
            "skipped" if outcomes == {"skipped"} else "passed"
        # The table has one name for the test in both modes.
        names = sorted({re.sub(r"_(plain|km)\.", ".", name.partition(": ")[2]) for name, _ in matching})
        table.append((pointer, names, result))
    return table


def write(path, table):
    lines = ["# Properties of the runtime specification 1.3.0 and their tests", "",
             "Written by `KRUN_WRITE_COVERAGE=1 tests/run.py bundle`: property, the tests that look at its effect, and how they ended there.",
             "", "| property | tests | result |", "|---|---|---|"]
    for pointer, names, result in table:
        shown = names if len(names) <= 3 else [*names[:2], f"and {len(names) - 2} more"]
        lines.append(f"| `{pointer}` | {', '.join(shown)} | {result} |")
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")


def pointers_in(path):
    if not os.path.exists(path):
        return set()
    with open(path) as file:
        return set(re.findall(r"^\| `([^`]+)`", file.read(), re.M))
