import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from vipkeeper.common.v1 import problem_pb2 as _problem_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class VrrpState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VRRP_STATE_UNSPECIFIED: _ClassVar[VrrpState]
    VRRP_STATE_INIT: _ClassVar[VrrpState]
    VRRP_STATE_BACKUP: _ClassVar[VrrpState]
    VRRP_STATE_MASTER: _ClassVar[VrrpState]
    VRRP_STATE_FAULT: _ClassVar[VrrpState]
    VRRP_STATE_STOP: _ClassVar[VrrpState]

class DrainStep(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DRAIN_STEP_UNSPECIFIED: _ClassVar[DrainStep]
    DRAIN_STEP_DRAINING: _ClassVar[DrainStep]
    DRAIN_STEP_DRAINED: _ClassVar[DrainStep]
    DRAIN_STEP_BACK: _ClassVar[DrainStep]
VRRP_STATE_UNSPECIFIED: VrrpState
VRRP_STATE_INIT: VrrpState
VRRP_STATE_BACKUP: VrrpState
VRRP_STATE_MASTER: VrrpState
VRRP_STATE_FAULT: VrrpState
VRRP_STATE_STOP: VrrpState
DRAIN_STEP_UNSPECIFIED: DrainStep
DRAIN_STEP_DRAINING: DrainStep
DRAIN_STEP_DRAINED: DrainStep
DRAIN_STEP_BACK: DrainStep

class Event(_message.Message):
    __slots__ = ("id", "time", "node", "service", "traceparent", "vrrp_instance", "vrrp_sync_group", "real_server", "virtual_server", "configuration", "drain")
    ID_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    VRRP_INSTANCE_FIELD_NUMBER: _ClassVar[int]
    VRRP_SYNC_GROUP_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    id: str
    time: _timestamp_pb2.Timestamp
    node: str
    service: str
    traceparent: str
    vrrp_instance: VrrpTransition
    vrrp_sync_group: VrrpTransition
    real_server: RealServerTransition
    virtual_server: QuorumTransition
    configuration: ConfigurationEvent
    drain: DrainTransition
    def __init__(self, id: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., node: _Optional[str] = ..., service: _Optional[str] = ..., traceparent: _Optional[str] = ..., vrrp_instance: _Optional[_Union[VrrpTransition, _Mapping]] = ..., vrrp_sync_group: _Optional[_Union[VrrpTransition, _Mapping]] = ..., real_server: _Optional[_Union[RealServerTransition, _Mapping]] = ..., virtual_server: _Optional[_Union[QuorumTransition, _Mapping]] = ..., configuration: _Optional[_Union[ConfigurationEvent, _Mapping]] = ..., drain: _Optional[_Union[DrainTransition, _Mapping]] = ...) -> None: ...

class VrrpTransition(_message.Message):
    __slots__ = ("name", "to", "priority", "cause")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    name: str
    to: VrrpState
    priority: int
    cause: str
    def __init__(self, name: _Optional[str] = ..., to: _Optional[_Union[VrrpState, str]] = ..., priority: _Optional[int] = ..., cause: _Optional[str] = ..., **kwargs) -> None: ...

class RealServerTransition(_message.Message):
    __slots__ = ("virtual_server", "real_server", "up", "cause")
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    UP_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    virtual_server: str
    real_server: str
    up: bool
    cause: str
    def __init__(self, virtual_server: _Optional[str] = ..., real_server: _Optional[str] = ..., up: _Optional[bool] = ..., cause: _Optional[str] = ...) -> None: ...

class QuorumTransition(_message.Message):
    __slots__ = ("virtual_server", "up", "live_weight", "quorum")
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    UP_FIELD_NUMBER: _ClassVar[int]
    LIVE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    QUORUM_FIELD_NUMBER: _ClassVar[int]
    virtual_server: str
    up: bool
    live_weight: int
    quorum: int
    def __init__(self, virtual_server: _Optional[str] = ..., up: _Optional[bool] = ..., live_weight: _Optional[int] = ..., quorum: _Optional[int] = ...) -> None: ...

class ConfigurationEvent(_message.Message):
    __slots__ = ("problem", "resolved")
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_FIELD_NUMBER: _ClassVar[int]
    problem: _problem_pb2.Problem
    resolved: bool
    def __init__(self, problem: _Optional[_Union[_problem_pb2.Problem, _Mapping]] = ..., resolved: _Optional[bool] = ...) -> None: ...

class DrainTransition(_message.Message):
    __slots__ = ("virtual_server", "real_server", "step", "cause", "connections")
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    virtual_server: str
    real_server: str
    step: DrainStep
    cause: str
    connections: int
    def __init__(self, virtual_server: _Optional[str] = ..., real_server: _Optional[str] = ..., step: _Optional[_Union[DrainStep, str]] = ..., cause: _Optional[str] = ..., connections: _Optional[int] = ...) -> None: ...
