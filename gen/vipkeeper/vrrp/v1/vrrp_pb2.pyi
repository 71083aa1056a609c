import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from vipkeeper.common.v1 import event_pb2 as _event_pb2
from vipkeeper.common.v1 import problem_pb2 as _problem_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TrackerState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRACKER_STATE_UNSPECIFIED: _ClassVar[TrackerState]
    TRACKER_STATE_UP: _ClassVar[TrackerState]
    TRACKER_STATE_DOWN: _ClassVar[TrackerState]

class BfdState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BFD_STATE_UNSPECIFIED: _ClassVar[BfdState]
    BFD_STATE_DOWN: _ClassVar[BfdState]
    BFD_STATE_INIT: _ClassVar[BfdState]
    BFD_STATE_UP: _ClassVar[BfdState]
    BFD_STATE_ADMIN_DOWN: _ClassVar[BfdState]

class Subject(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUBJECT_UNSPECIFIED: _ClassVar[Subject]
    SUBJECT_INSTANCE: _ClassVar[Subject]
    SUBJECT_SYNC_GROUP: _ClassVar[Subject]

class SwitchoverOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SWITCHOVER_OUTCOME_UNSPECIFIED: _ClassVar[SwitchoverOutcome]
    SWITCHOVER_OUTCOME_PENDING: _ClassVar[SwitchoverOutcome]
    SWITCHOVER_OUTCOME_DONE: _ClassVar[SwitchoverOutcome]
    SWITCHOVER_OUTCOME_ELSEWHERE: _ClassVar[SwitchoverOutcome]
    SWITCHOVER_OUTCOME_FAILED: _ClassVar[SwitchoverOutcome]
    SWITCHOVER_OUTCOME_REFUSED: _ClassVar[SwitchoverOutcome]
    SWITCHOVER_OUTCOME_MISSED: _ClassVar[SwitchoverOutcome]
    SWITCHOVER_OUTCOME_CANCELLED: _ClassVar[SwitchoverOutcome]
TRACKER_STATE_UNSPECIFIED: TrackerState
TRACKER_STATE_UP: TrackerState
TRACKER_STATE_DOWN: TrackerState
BFD_STATE_UNSPECIFIED: BfdState
BFD_STATE_DOWN: BfdState
BFD_STATE_INIT: BfdState
BFD_STATE_UP: BfdState
BFD_STATE_ADMIN_DOWN: BfdState
SUBJECT_UNSPECIFIED: Subject
SUBJECT_INSTANCE: Subject
SUBJECT_SYNC_GROUP: Subject
SWITCHOVER_OUTCOME_UNSPECIFIED: SwitchoverOutcome
SWITCHOVER_OUTCOME_PENDING: SwitchoverOutcome
SWITCHOVER_OUTCOME_DONE: SwitchoverOutcome
SWITCHOVER_OUTCOME_ELSEWHERE: SwitchoverOutcome
SWITCHOVER_OUTCOME_FAILED: SwitchoverOutcome
SWITCHOVER_OUTCOME_REFUSED: SwitchoverOutcome
SWITCHOVER_OUTCOME_MISSED: SwitchoverOutcome
SWITCHOVER_OUTCOME_CANCELLED: SwitchoverOutcome

class Tracker(_message.Message):
    __slots__ = ("kind", "name", "state", "weight", "reverse", "adjustment", "fault", "value")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[Tracker.Kind]
        KIND_INTERFACE: _ClassVar[Tracker.Kind]
        KIND_SCRIPT: _ClassVar[Tracker.Kind]
        KIND_FILE: _ClassVar[Tracker.Kind]
        KIND_PROCESS: _ClassVar[Tracker.Kind]
        KIND_BFD: _ClassVar[Tracker.Kind]
    KIND_UNSPECIFIED: Tracker.Kind
    KIND_INTERFACE: Tracker.Kind
    KIND_SCRIPT: Tracker.Kind
    KIND_FILE: Tracker.Kind
    KIND_PROCESS: Tracker.Kind
    KIND_BFD: Tracker.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    ADJUSTMENT_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    kind: Tracker.Kind
    name: str
    state: TrackerState
    weight: int
    reverse: bool
    adjustment: int
    fault: bool
    value: int
    def __init__(self, kind: _Optional[_Union[Tracker.Kind, str]] = ..., name: _Optional[str] = ..., state: _Optional[_Union[TrackerState, str]] = ..., weight: _Optional[int] = ..., reverse: _Optional[bool] = ..., adjustment: _Optional[int] = ..., fault: _Optional[bool] = ..., value: _Optional[int] = ...) -> None: ...

class Instance(_message.Message):
    __slots__ = ("name", "state", "since", "cause", "faults", "interface", "virtual_router_id", "version", "base_priority", "effective_priority", "sync_group", "trackers", "source_address", "master_address", "master_priority", "advert_int", "master_advert_int", "master_down_int", "preempt_time", "next_advert_time", "master_down_time", "addresses", "addresses_held", "counters", "current", "maintenance", "offering", "nopreempt", "heard_address", "heard_priority", "links", "heard_time", "split_brain")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    INTERFACE_FIELD_NUMBER: _ClassVar[int]
    VIRTUAL_ROUTER_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BASE_PRIORITY_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_PRIORITY_FIELD_NUMBER: _ClassVar[int]
    SYNC_GROUP_FIELD_NUMBER: _ClassVar[int]
    TRACKERS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    MASTER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    MASTER_PRIORITY_FIELD_NUMBER: _ClassVar[int]
    ADVERT_INT_FIELD_NUMBER: _ClassVar[int]
    MASTER_ADVERT_INT_FIELD_NUMBER: _ClassVar[int]
    MASTER_DOWN_INT_FIELD_NUMBER: _ClassVar[int]
    PREEMPT_TIME_FIELD_NUMBER: _ClassVar[int]
    NEXT_ADVERT_TIME_FIELD_NUMBER: _ClassVar[int]
    MASTER_DOWN_TIME_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_HELD_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    MAINTENANCE_FIELD_NUMBER: _ClassVar[int]
    OFFERING_FIELD_NUMBER: _ClassVar[int]
    NOPREEMPT_FIELD_NUMBER: _ClassVar[int]
    HEARD_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    HEARD_PRIORITY_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    HEARD_TIME_FIELD_NUMBER: _ClassVar[int]
    SPLIT_BRAIN_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: _event_pb2.VrrpState
    since: _timestamp_pb2.Timestamp
    cause: str
    faults: _containers.RepeatedScalarFieldContainer[str]
    interface: str
    virtual_router_id: int
    version: int
    base_priority: int
    effective_priority: int
    sync_group: str
    trackers: _containers.RepeatedCompositeFieldContainer[Tracker]
    source_address: str
    master_address: str
    master_priority: int
    advert_int: _duration_pb2.Duration
    master_advert_int: _duration_pb2.Duration
    master_down_int: _duration_pb2.Duration
    preempt_time: _timestamp_pb2.Timestamp
    next_advert_time: _timestamp_pb2.Timestamp
    master_down_time: _timestamp_pb2.Timestamp
    addresses: _containers.RepeatedScalarFieldContainer[str]
    addresses_held: _containers.RepeatedScalarFieldContainer[str]
    counters: Counters
    current: bool
    maintenance: str
    offering: str
    nopreempt: bool
    heard_address: str
    heard_priority: int
    links: _containers.RepeatedScalarFieldContainer[str]
    heard_time: _timestamp_pb2.Timestamp
    split_brain: SplitBrain
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[_event_pb2.VrrpState, str]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cause: _Optional[str] = ..., faults: _Optional[_Iterable[str]] = ..., interface: _Optional[str] = ..., virtual_router_id: _Optional[int] = ..., version: _Optional[int] = ..., base_priority: _Optional[int] = ..., effective_priority: _Optional[int] = ..., sync_group: _Optional[str] = ..., trackers: _Optional[_Iterable[_Union[Tracker, _Mapping]]] = ..., source_address: _Optional[str] = ..., master_address: _Optional[str] = ..., master_priority: _Optional[int] = ..., advert_int: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., master_advert_int: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., master_down_int: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., preempt_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., next_advert_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., master_down_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., addresses: _Optional[_Iterable[str]] = ..., addresses_held: _Optional[_Iterable[str]] = ..., counters: _Optional[_Union[Counters, _Mapping]] = ..., current: _Optional[bool] = ..., maintenance: _Optional[str] = ..., offering: _Optional[str] = ..., nopreempt: _Optional[bool] = ..., heard_address: _Optional[str] = ..., heard_priority: _Optional[int] = ..., links: _Optional[_Iterable[str]] = ..., heard_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., split_brain: _Optional[_Union[SplitBrain, _Mapping]] = ...) -> None: ...

class SplitBrain(_message.Message):
    __slots__ = ("kind", "peer", "detail", "since")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[SplitBrain.Kind]
        KIND_SPLIT: _ClassVar[SplitBrain.Kind]
        KIND_ONE_WAY: _ClassVar[SplitBrain.Kind]
        KIND_MISMATCH: _ClassVar[SplitBrain.Kind]
    KIND_UNSPECIFIED: SplitBrain.Kind
    KIND_SPLIT: SplitBrain.Kind
    KIND_ONE_WAY: SplitBrain.Kind
    KIND_MISMATCH: SplitBrain.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    kind: SplitBrain.Kind
    peer: str
    detail: str
    since: _timestamp_pb2.Timestamp
    def __init__(self, kind: _Optional[_Union[SplitBrain.Kind, str]] = ..., peer: _Optional[str] = ..., detail: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Counters(_message.Message):
    __slots__ = ("adverts_sent", "adverts_received", "became_master", "released_master", "priority_zero_sent", "priority_zero_received", "address_list_errors", "send_errors", "gratuitous_arps_sent", "address_errors", "rejected")
    class RejectedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    ADVERTS_SENT_FIELD_NUMBER: _ClassVar[int]
    ADVERTS_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    BECAME_MASTER_FIELD_NUMBER: _ClassVar[int]
    RELEASED_MASTER_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_ZERO_SENT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_ZERO_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_LIST_ERRORS_FIELD_NUMBER: _ClassVar[int]
    SEND_ERRORS_FIELD_NUMBER: _ClassVar[int]
    GRATUITOUS_ARPS_SENT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_ERRORS_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    adverts_sent: int
    adverts_received: int
    became_master: int
    released_master: int
    priority_zero_sent: int
    priority_zero_received: int
    address_list_errors: int
    send_errors: int
    gratuitous_arps_sent: int
    address_errors: int
    rejected: _containers.ScalarMap[str, int]
    def __init__(self, adverts_sent: _Optional[int] = ..., adverts_received: _Optional[int] = ..., became_master: _Optional[int] = ..., released_master: _Optional[int] = ..., priority_zero_sent: _Optional[int] = ..., priority_zero_received: _Optional[int] = ..., address_list_errors: _Optional[int] = ..., send_errors: _Optional[int] = ..., gratuitous_arps_sent: _Optional[int] = ..., address_errors: _Optional[int] = ..., rejected: _Optional[_Mapping[str, int]] = ...) -> None: ...

class SyncGroup(_message.Message):
    __slots__ = ("name", "state", "since", "cause", "members")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: _event_pb2.VrrpState
    since: _timestamp_pb2.Timestamp
    cause: str
    members: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[_event_pb2.VrrpState, str]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cause: _Optional[str] = ..., members: _Optional[_Iterable[str]] = ...) -> None: ...

class Script(_message.Message):
    __slots__ = ("name", "state", "since", "streak", "rise", "fall", "last_result_time", "last_ok", "last_error", "last_duration", "silent")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    STREAK_FIELD_NUMBER: _ClassVar[int]
    RISE_FIELD_NUMBER: _ClassVar[int]
    FALL_FIELD_NUMBER: _ClassVar[int]
    LAST_RESULT_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_OK_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    LAST_DURATION_FIELD_NUMBER: _ClassVar[int]
    SILENT_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: TrackerState
    since: _timestamp_pb2.Timestamp
    streak: int
    rise: int
    fall: int
    last_result_time: _timestamp_pb2.Timestamp
    last_ok: bool
    last_error: str
    last_duration: _duration_pb2.Duration
    silent: bool
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[TrackerState, str]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., streak: _Optional[int] = ..., rise: _Optional[int] = ..., fall: _Optional[int] = ..., last_result_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_ok: _Optional[bool] = ..., last_error: _Optional[str] = ..., last_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., silent: _Optional[bool] = ...) -> None: ...

class BfdSession(_message.Message):
    __slots__ = ("name", "counts_as", "since", "current", "neighbor_ip", "source_ip", "multihop", "state", "state_since", "diagnostic", "remote_state", "remote_diagnostic", "last_failure", "last_failure_time", "local_discriminator", "remote_discriminator", "multiplier", "remote_multiplier", "transmit_interval", "detection_time", "polling", "last_packet_time", "packets_sent", "packets_received", "ups", "downs", "send_errors", "rejected", "trouble")
    class RejectedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    COUNTS_AS_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    NEIGHBOR_IP_FIELD_NUMBER: _ClassVar[int]
    SOURCE_IP_FIELD_NUMBER: _ClassVar[int]
    MULTIHOP_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_SINCE_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTIC_FIELD_NUMBER: _ClassVar[int]
    REMOTE_STATE_FIELD_NUMBER: _ClassVar[int]
    REMOTE_DIAGNOSTIC_FIELD_NUMBER: _ClassVar[int]
    LAST_FAILURE_FIELD_NUMBER: _ClassVar[int]
    LAST_FAILURE_TIME_FIELD_NUMBER: _ClassVar[int]
    LOCAL_DISCRIMINATOR_FIELD_NUMBER: _ClassVar[int]
    REMOTE_DISCRIMINATOR_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_FIELD_NUMBER: _ClassVar[int]
    REMOTE_MULTIPLIER_FIELD_NUMBER: _ClassVar[int]
    TRANSMIT_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    DETECTION_TIME_FIELD_NUMBER: _ClassVar[int]
    POLLING_FIELD_NUMBER: _ClassVar[int]
    LAST_PACKET_TIME_FIELD_NUMBER: _ClassVar[int]
    PACKETS_SENT_FIELD_NUMBER: _ClassVar[int]
    PACKETS_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    UPS_FIELD_NUMBER: _ClassVar[int]
    DOWNS_FIELD_NUMBER: _ClassVar[int]
    SEND_ERRORS_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    counts_as: TrackerState
    since: _timestamp_pb2.Timestamp
    current: bool
    neighbor_ip: str
    source_ip: str
    multihop: bool
    state: BfdState
    state_since: _timestamp_pb2.Timestamp
    diagnostic: str
    remote_state: BfdState
    remote_diagnostic: str
    last_failure: str
    last_failure_time: _timestamp_pb2.Timestamp
    local_discriminator: int
    remote_discriminator: int
    multiplier: int
    remote_multiplier: int
    transmit_interval: _duration_pb2.Duration
    detection_time: _duration_pb2.Duration
    polling: bool
    last_packet_time: _timestamp_pb2.Timestamp
    packets_sent: int
    packets_received: int
    ups: int
    downs: int
    send_errors: int
    rejected: _containers.ScalarMap[str, int]
    trouble: str
    def __init__(self, name: _Optional[str] = ..., counts_as: _Optional[_Union[TrackerState, str]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., current: _Optional[bool] = ..., neighbor_ip: _Optional[str] = ..., source_ip: _Optional[str] = ..., multihop: _Optional[bool] = ..., state: _Optional[_Union[BfdState, str]] = ..., state_since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., diagnostic: _Optional[str] = ..., remote_state: _Optional[_Union[BfdState, str]] = ..., remote_diagnostic: _Optional[str] = ..., last_failure: _Optional[str] = ..., last_failure_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., local_discriminator: _Optional[int] = ..., remote_discriminator: _Optional[int] = ..., multiplier: _Optional[int] = ..., remote_multiplier: _Optional[int] = ..., transmit_interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., detection_time: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., polling: _Optional[bool] = ..., last_packet_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., packets_sent: _Optional[int] = ..., packets_received: _Optional[int] = ..., ups: _Optional[int] = ..., downs: _Optional[int] = ..., send_errors: _Optional[int] = ..., rejected: _Optional[_Mapping[str, int]] = ..., trouble: _Optional[str] = ...) -> None: ...

class Engine(_message.Message):
    __slots__ = ("up", "pid", "start_time", "scheduling", "memory_locked", "revision", "resumed", "timers", "late_max", "late_sum", "late_over_1ms", "late_over_10ms", "late_over_100ms", "transitions_dropped", "unknown_vrid", "rejected", "problems", "losses", "resident_bytes")
    class RejectedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    UP_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    SCHEDULING_FIELD_NUMBER: _ClassVar[int]
    MEMORY_LOCKED_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    TIMERS_FIELD_NUMBER: _ClassVar[int]
    LATE_MAX_FIELD_NUMBER: _ClassVar[int]
    LATE_SUM_FIELD_NUMBER: _ClassVar[int]
    LATE_OVER_1MS_FIELD_NUMBER: _ClassVar[int]
    LATE_OVER_10MS_FIELD_NUMBER: _ClassVar[int]
    LATE_OVER_100MS_FIELD_NUMBER: _ClassVar[int]
    TRANSITIONS_DROPPED_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_VRID_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    LOSSES_FIELD_NUMBER: _ClassVar[int]
    RESIDENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    up: bool
    pid: int
    start_time: _timestamp_pb2.Timestamp
    scheduling: str
    memory_locked: bool
    revision: int
    resumed: _containers.RepeatedScalarFieldContainer[str]
    timers: int
    late_max: _duration_pb2.Duration
    late_sum: _duration_pb2.Duration
    late_over_1ms: int
    late_over_10ms: int
    late_over_100ms: int
    transitions_dropped: int
    unknown_vrid: int
    rejected: _containers.ScalarMap[str, int]
    problems: _containers.RepeatedCompositeFieldContainer[_problem_pb2.Problem]
    losses: int
    resident_bytes: int
    def __init__(self, up: _Optional[bool] = ..., pid: _Optional[int] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., scheduling: _Optional[str] = ..., memory_locked: _Optional[bool] = ..., revision: _Optional[int] = ..., resumed: _Optional[_Iterable[str]] = ..., timers: _Optional[int] = ..., late_max: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., late_sum: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., late_over_1ms: _Optional[int] = ..., late_over_10ms: _Optional[int] = ..., late_over_100ms: _Optional[int] = ..., transitions_dropped: _Optional[int] = ..., unknown_vrid: _Optional[int] = ..., rejected: _Optional[_Mapping[str, int]] = ..., problems: _Optional[_Iterable[_Union[_problem_pb2.Problem, _Mapping]]] = ..., losses: _Optional[int] = ..., resident_bytes: _Optional[int] = ...) -> None: ...

class ListInstancesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListInstancesResponse(_message.Message):
    __slots__ = ("instances",)
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    instances: _containers.RepeatedCompositeFieldContainer[Instance]
    def __init__(self, instances: _Optional[_Iterable[_Union[Instance, _Mapping]]] = ...) -> None: ...

class WatchInstancesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchInstancesResponse(_message.Message):
    __slots__ = ("sequence", "instance", "removed", "synced")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    SYNCED_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    instance: Instance
    removed: str
    synced: Synced
    def __init__(self, sequence: _Optional[int] = ..., instance: _Optional[_Union[Instance, _Mapping]] = ..., removed: _Optional[str] = ..., synced: _Optional[_Union[Synced, _Mapping]] = ...) -> None: ...

class Synced(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetInstanceRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetInstanceResponse(_message.Message):
    __slots__ = ("instance",)
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    instance: Instance
    def __init__(self, instance: _Optional[_Union[Instance, _Mapping]] = ...) -> None: ...

class ListSyncGroupsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListSyncGroupsResponse(_message.Message):
    __slots__ = ("sync_groups",)
    SYNC_GROUPS_FIELD_NUMBER: _ClassVar[int]
    sync_groups: _containers.RepeatedCompositeFieldContainer[SyncGroup]
    def __init__(self, sync_groups: _Optional[_Iterable[_Union[SyncGroup, _Mapping]]] = ...) -> None: ...

class ListScriptsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListScriptsResponse(_message.Message):
    __slots__ = ("scripts",)
    SCRIPTS_FIELD_NUMBER: _ClassVar[int]
    scripts: _containers.RepeatedCompositeFieldContainer[Script]
    def __init__(self, scripts: _Optional[_Iterable[_Union[Script, _Mapping]]] = ...) -> None: ...

class ListBfdSessionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListBfdSessionsResponse(_message.Message):
    __slots__ = ("sessions", "rejected")
    class RejectedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[BfdSession]
    rejected: _containers.ScalarMap[str, int]
    def __init__(self, sessions: _Optional[_Iterable[_Union[BfdSession, _Mapping]]] = ..., rejected: _Optional[_Mapping[str, int]] = ...) -> None: ...

class GetEngineRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetEngineResponse(_message.Message):
    __slots__ = ("engine",)
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    engine: Engine
    def __init__(self, engine: _Optional[_Union[Engine, _Mapping]] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("instance", "sentences", "next", "next_time", "would_change")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    SENTENCES_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    NEXT_TIME_FIELD_NUMBER: _ClassVar[int]
    WOULD_CHANGE_FIELD_NUMBER: _ClassVar[int]
    instance: Instance
    sentences: _containers.RepeatedScalarFieldContainer[str]
    next: str
    next_time: _timestamp_pb2.Timestamp
    would_change: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, instance: _Optional[_Union[Instance, _Mapping]] = ..., sentences: _Optional[_Iterable[str]] = ..., next: _Optional[str] = ..., next_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., would_change: _Optional[_Iterable[str]] = ...) -> None: ...

class Transition(_message.Message):
    __slots__ = ("id", "time", "subject", "name", "to", "priority", "cause")
    ID_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    id: str
    time: _timestamp_pb2.Timestamp
    subject: Subject
    name: str
    to: _event_pb2.VrrpState
    priority: int
    cause: str
    def __init__(self, id: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., subject: _Optional[_Union[Subject, str]] = ..., name: _Optional[str] = ..., to: _Optional[_Union[_event_pb2.VrrpState, str]] = ..., priority: _Optional[int] = ..., cause: _Optional[str] = ..., **kwargs) -> None: ...

class ListTransitionsRequest(_message.Message):
    __slots__ = ("names", "subject", "to", "since", "until", "page_size", "page_token")
    NAMES_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    subject: Subject
    to: _containers.RepeatedScalarFieldContainer[_event_pb2.VrrpState]
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    def __init__(self, names: _Optional[_Iterable[str]] = ..., subject: _Optional[_Union[Subject, str]] = ..., to: _Optional[_Iterable[_Union[_event_pb2.VrrpState, str]]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTransitionsResponse(_message.Message):
    __slots__ = ("transitions", "next_page_token")
    TRANSITIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    transitions: _containers.RepeatedCompositeFieldContainer[Transition]
    next_page_token: str
    def __init__(self, transitions: _Optional[_Iterable[_Union[Transition, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Maintenance(_message.Message):
    __slots__ = ("instance", "reason", "since", "until")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    instance: str
    reason: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    def __init__(self, instance: _Optional[str] = ..., reason: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class BeginMaintenanceRequest(_message.Message):
    __slots__ = ("instance", "reason", "until")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    instance: str
    reason: str
    until: _timestamp_pb2.Timestamp
    def __init__(self, instance: _Optional[str] = ..., reason: _Optional[str] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class BeginMaintenanceResponse(_message.Message):
    __slots__ = ("maintenance",)
    MAINTENANCE_FIELD_NUMBER: _ClassVar[int]
    maintenance: Maintenance
    def __init__(self, maintenance: _Optional[_Union[Maintenance, _Mapping]] = ...) -> None: ...

class EndMaintenanceRequest(_message.Message):
    __slots__ = ("instance",)
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    instance: str
    def __init__(self, instance: _Optional[str] = ...) -> None: ...

class EndMaintenanceResponse(_message.Message):
    __slots__ = ("maintenance",)
    MAINTENANCE_FIELD_NUMBER: _ClassVar[int]
    maintenance: Maintenance
    def __init__(self, maintenance: _Optional[_Union[Maintenance, _Mapping]] = ...) -> None: ...

class ListMaintenanceRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListMaintenanceResponse(_message.Message):
    __slots__ = ("maintenance",)
    MAINTENANCE_FIELD_NUMBER: _ClassVar[int]
    maintenance: _containers.RepeatedCompositeFieldContainer[Maintenance]
    def __init__(self, maintenance: _Optional[_Iterable[_Union[Maintenance, _Mapping]]] = ...) -> None: ...

class SwitchoverRecord(_message.Message):
    __slots__ = ("id", "instance", "target", "reason", "time", "hold", "outcome", "detail", "end_time")
    ID_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    id: str
    instance: str
    target: str
    reason: str
    time: _timestamp_pb2.Timestamp
    hold: bool
    outcome: SwitchoverOutcome
    detail: str
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., instance: _Optional[str] = ..., target: _Optional[str] = ..., reason: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., hold: _Optional[bool] = ..., outcome: _Optional[_Union[SwitchoverOutcome, str]] = ..., detail: _Optional[str] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SwitchoverRequest(_message.Message):
    __slots__ = ("instance", "target", "reason", "time", "hold")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    instance: str
    target: str
    reason: str
    time: _timestamp_pb2.Timestamp
    hold: bool
    def __init__(self, instance: _Optional[str] = ..., target: _Optional[str] = ..., reason: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., hold: _Optional[bool] = ...) -> None: ...

class SwitchoverResponse(_message.Message):
    __slots__ = ("switchover",)
    SWITCHOVER_FIELD_NUMBER: _ClassVar[int]
    switchover: SwitchoverRecord
    def __init__(self, switchover: _Optional[_Union[SwitchoverRecord, _Mapping]] = ...) -> None: ...

class CancelSwitchoverRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class CancelSwitchoverResponse(_message.Message):
    __slots__ = ("switchover",)
    SWITCHOVER_FIELD_NUMBER: _ClassVar[int]
    switchover: SwitchoverRecord
    def __init__(self, switchover: _Optional[_Union[SwitchoverRecord, _Mapping]] = ...) -> None: ...

class ListSwitchoversRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListSwitchoversResponse(_message.Message):
    __slots__ = ("switchovers",)
    SWITCHOVERS_FIELD_NUMBER: _ClassVar[int]
    switchovers: _containers.RepeatedCompositeFieldContainer[SwitchoverRecord]
    def __init__(self, switchovers: _Optional[_Iterable[_Union[SwitchoverRecord, _Mapping]]] = ...) -> None: ...

class ListRoutingRequest(_message.Message):
    __slots__ = ("instance", "missing_only")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    MISSING_ONLY_FIELD_NUMBER: _ClassVar[int]
    instance: str
    missing_only: bool
    def __init__(self, instance: _Optional[str] = ..., missing_only: _Optional[bool] = ...) -> None: ...

class ListRoutingResponse(_message.Message):
    __slots__ = ("entries", "wanted", "in_place")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    IN_PLACE_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[RoutingEntry]
    wanted: int
    in_place: int
    def __init__(self, entries: _Optional[_Iterable[_Union[RoutingEntry, _Mapping]]] = ..., wanted: _Optional[int] = ..., in_place: _Optional[int] = ...) -> None: ...

class RoutingEntry(_message.Message):
    __slots__ = ("kind", "owner", "line", "wanted", "in_place", "reason")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[RoutingEntry.Kind]
        KIND_VIRTUAL_ROUTE: _ClassVar[RoutingEntry.Kind]
        KIND_VIRTUAL_RULE: _ClassVar[RoutingEntry.Kind]
        KIND_STATIC_ADDRESS: _ClassVar[RoutingEntry.Kind]
        KIND_STATIC_ROUTE: _ClassVar[RoutingEntry.Kind]
        KIND_STATIC_RULE: _ClassVar[RoutingEntry.Kind]
    KIND_UNSPECIFIED: RoutingEntry.Kind
    KIND_VIRTUAL_ROUTE: RoutingEntry.Kind
    KIND_VIRTUAL_RULE: RoutingEntry.Kind
    KIND_STATIC_ADDRESS: RoutingEntry.Kind
    KIND_STATIC_ROUTE: RoutingEntry.Kind
    KIND_STATIC_RULE: RoutingEntry.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    IN_PLACE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    kind: RoutingEntry.Kind
    owner: str
    line: str
    wanted: bool
    in_place: bool
    reason: str
    def __init__(self, kind: _Optional[_Union[RoutingEntry.Kind, str]] = ..., owner: _Optional[str] = ..., line: _Optional[str] = ..., wanted: _Optional[bool] = ..., in_place: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...
