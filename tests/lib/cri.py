# SPDX-License-Identifier: Apache-2.0
"""
A client of CRI, the protocol by which a kubelet makes pods, because Debian has no crictl.

A call is gRPC with one request and one answer, which curl(1) can do: HTTP/2 with the status after the body. A message is a dict; fields
that MESSAGES does not list cannot be sent, and are left out of an answer.
"""

import re
import subprocess
import urllib.parse

TIMEOUT = 120
# Enumerations.
POD, CONTAINER, NODE, TARGET = range(4)             # whose a namespace is
CREATED, RUNNING, EXITED = range(3)                 # of a container
RUNTIME_DEFAULT, UNCONFINED = range(2)              # profiles
PRIVATE, HOST_TO_CONTAINER, BIDIRECTIONAL = range(3)

# The fields that are used here with their numbers in kubernetes/cri-api, pkg/apis/runtime/v1/api.proto; all others are optional.
# FIELD=NUMBER is a number, text or bytes, FIELD=NUMBER:MESSAGE a message, or a dict of texts (map). With [] it is a list in an answer;
# in a request every list is sent as one. An indented line continues the one before.
MESSAGES = """
RunPodSandboxRequest config=1:PodSandboxConfig runtime_handler=2
RunPodSandboxResponse pod_sandbox_id=1
PodSandboxConfig metadata=1:PodSandboxMetadata hostname=2 log_directory=3 dns_config=4:DNSConfig annotations=7:map
    linux=8:LinuxPodSandboxConfig
PodSandboxMetadata name=1 uid=2 namespace=3 attempt=4
DNSConfig servers=1 searches=2 options=3
LinuxPodSandboxConfig cgroup_parent=1 security_context=2:LinuxSandboxSecurityContext sysctls=3:map
LinuxSandboxSecurityContext namespace_options=1:NamespaceOption privileged=6 seccomp=9:SecurityProfile
NamespaceOption network=1 pid=2 ipc=3 target_id=4 userns_options=5:UserNamespace
UserNamespace mode=1 uids=2:IDMapping gids=3:IDMapping
IDMapping host_id=1 container_id=2 length=3
SecurityProfile profile_type=1 localhost_ref=2
PodSandboxStatusRequest pod_sandbox_id=1 verbose=2
PodSandboxStatusResponse status=1:PodSandboxStatus info=2:map
PodSandboxStatus state=3 network=5:PodSandboxNetworkStatus
PodSandboxNetworkStatus ip=1
StopPodSandboxRequest pod_sandbox_id=1
RemovePodSandboxRequest pod_sandbox_id=1
ListPodSandboxResponse items[]=1:PodSandbox
PodSandbox id=1

CreateContainerRequest pod_sandbox_id=1 config=2:ContainerConfig sandbox_config=3:PodSandboxConfig
CreateContainerResponse container_id=1
ContainerConfig metadata=1:ContainerMetadata image=2:ImageSpec command=3 args=4 envs=6:KeyValue mounts=7:Mount devices=8:Device
    annotations=10:map log_path=11 tty=14 linux=15:LinuxContainerConfig
ContainerMetadata name=1 attempt=2
ImageSpec image=1
KeyValue key=1 value=2
Mount container_path=1 host_path=2 readonly=3 propagation=5 uidMappings=6:IDMapping gidMappings=7:IDMapping recursive_read_only=8
Device container_path=1 host_path=2 permissions=3
LinuxContainerConfig resources=1:LinuxContainerResources security_context=2:LinuxContainerSecurityContext
LinuxContainerResources cpu_period=1 cpu_quota=2 cpu_shares=3 memory_limit_in_bytes=4 oom_score_adj=5 cpuset_cpus=6 unified=9:map
    memory_swap_limit_in_bytes=10
LinuxContainerSecurityContext capabilities=1:Capability privileged=2 namespace_options=3:NamespaceOption run_as_user=5:Int64Value
    run_as_group=12:Int64Value readonly_rootfs=7 supplemental_groups=8 no_new_privs=11 masked_paths=13 readonly_paths=14
    seccomp=15:SecurityProfile apparmor=16:SecurityProfile
Int64Value value=1
Capability add_capabilities=1 drop_capabilities=2
StartContainerRequest container_id=1
ContainerStatusRequest container_id=1 verbose=2
ContainerStatusResponse status=1:ContainerStatus info=2:map
ContainerStatus state=3 exit_code=7 reason=10 message=11
StopContainerRequest container_id=1 timeout=2
RemoveContainerRequest container_id=1
UpdateContainerResourcesRequest container_id=1 linux=2:LinuxContainerResources
ExecSyncRequest container_id=1 cmd=2 timeout=3
ExecSyncResponse stdout=1 stderr=2 exit_code=3
ContainerStatsRequest container_id=1
ContainerStatsResponse stats=1:ContainerStats
ListContainerStatsResponse stats[]=1:ContainerStats
ContainerStats attributes=1:ContainerAttributes cpu=2:CpuUsage memory=3:MemoryUsage
ContainerAttributes id=1
CpuUsage usage_core_nano_seconds=2:UInt64Value
MemoryUsage working_set_bytes=2:UInt64Value
UInt64Value value=1
ListContainersResponse containers[]=1:Container
Container id=1
ReopenContainerLogRequest container_id=1

VersionResponse runtime_version=3
StatusResponse runtime_handlers[]=3:RuntimeHandler
RuntimeHandler name=1 features=2:RuntimeHandlerFeatures
RuntimeHandlerFeatures recursive_read_only_mounts=1 user_namespaces=2
ImageStatusRequest image=1:ImageSpec
ImageStatusResponse image=1:Image
Image id=1
"""


def read_messages(text):
    """Returns {message: {field: (number, message or "", whether it is a list)}}."""
    found = {}
    for line in text.replace("\n    ", " ").split("\n"):
        words = line.split()
        for word in words[1:]:
            name, many, number, kind = re.match(r"(\w+)(\[\])?=(\d+):?(\w*)$", word).groups()
            found.setdefault(words[0], {})[name] = (int(number), kind, bool(many))
    return found


FIELDS = read_messages(MESSAGES)
# A map is sent as a list of these.
FIELDS["map"] = {"key": (1, "", False), "value": (2, "", False)}


class CriError(Exception):
    """A call that ended with an error status of gRPC, or without a status."""


# ---- protobuf -------------------------------------------------------------------------------------------------------


def encode_varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def encode(kind, message):
    out = b""
    for name, value in message.items():
        number, inner, _ = FIELDS[kind][name]
        if inner == "map":
            value = [{"key": key, "value": text} for key, text in value.items()]
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(item, int):
                out += encode_varint(number << 3) + encode_varint(item)
                continue
            data = encode(inner, item) if isinstance(item, dict) else item if isinstance(item, bytes) else item.encode()
            out += encode_varint(number << 3 | 2) + encode_varint(len(data)) + data
    return out


def decode_varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value - (1 << 64) if value >> 63 else value, at


def decode(kind, data):
    names = {number: (name, inner, many) for name, (number, inner, many) in FIELDS.get(kind, {}).items()}
    found, at = {name: [] for name, _, many in names.values() if many}, 0
    while at < len(data):
        key, at = decode_varint(data, at)
        value, at = decode_varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        name, inner, many = names.get(key >> 3, (None, "", False))
        if name is None:
            continue
        if isinstance(value, bytes):
            value = decode(inner, value) if inner else value.decode(errors="replace")
        if inner == "map":
            found.setdefault(name, {})[value.get("key", "")] = value.get("value", "")
        elif many:
            found[name].append(value)
        else:
            found[name] = value
    return found


# ---- gRPC -----------------------------------------------------------------------------------------------------------


def call(socket, method, service="RuntimeService", **request):
    """Calls a method of the containerd at @socket; returns the answer, or raises CriError."""
    message = encode(f"{method}Request", request)
    # Each message is preceded by a byte for "not compressed", and its length.
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--http2-prior-knowledge", "--unix-socket", socket, "--max-time", str(TIMEOUT),
         "--header", "content-type: application/grpc", "--header", "te: trailers", "--data-binary", "@-", "--dump-header",
         "/dev/stderr", f"http://localhost/runtime.v1.{service}/{method}"],
        input=b"\0" + len(message).to_bytes(4, "big") + message, capture_output=True, check=False)
    head = done.stderr.decode(errors="replace")
    fields = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    if done.returncode or fields.get("grpc-status") != "0":
        raise CriError(f"{method}: {urllib.parse.unquote(fields.get('grpc-message', head))}")
    return decode(f"{method}Response", done.stdout[5:])
