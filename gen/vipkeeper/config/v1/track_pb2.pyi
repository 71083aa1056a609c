import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ParamMatch(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PARAM_MATCH_UNSPECIFIED: _ClassVar[ParamMatch]
    PARAM_MATCH_INITIAL: _ClassVar[ParamMatch]
    PARAM_MATCH_PARTIAL: _ClassVar[ParamMatch]
PARAM_MATCH_UNSPECIFIED: ParamMatch
PARAM_MATCH_INITIAL: ParamMatch
PARAM_MATCH_PARTIAL: ParamMatch

class TrackFile(_message.Message):
    __slots__ = ("file", "weight", "reverse", "init_file")
    FILE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    INIT_FILE_FIELD_NUMBER: _ClassVar[int]
    file: str
    weight: int
    reverse: bool
    init_file: InitFile
    def __init__(self, file: _Optional[str] = ..., weight: _Optional[int] = ..., reverse: _Optional[bool] = ..., init_file: _Optional[_Union[InitFile, _Mapping]] = ...) -> None: ...

class InitFile(_message.Message):
    __slots__ = ("value", "overwrite")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    OVERWRITE_FIELD_NUMBER: _ClassVar[int]
    value: int
    overwrite: bool
    def __init__(self, value: _Optional[int] = ..., overwrite: _Optional[bool] = ...) -> None: ...

class TrackedFile(_message.Message):
    __slots__ = ("name", "weight", "reverse")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    name: str
    weight: int
    reverse: bool
    def __init__(self, name: _Optional[str] = ..., weight: _Optional[int] = ..., reverse: _Optional[bool] = ...) -> None: ...

class VrrpTrackProcess(_message.Message):
    __slots__ = ("process", "param_match", "full_command", "weight", "reverse", "quorum", "quorum_max", "delay", "fork_delay", "terminate_delay")
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    PARAM_MATCH_FIELD_NUMBER: _ClassVar[int]
    FULL_COMMAND_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    QUORUM_FIELD_NUMBER: _ClassVar[int]
    QUORUM_MAX_FIELD_NUMBER: _ClassVar[int]
    DELAY_FIELD_NUMBER: _ClassVar[int]
    FORK_DELAY_FIELD_NUMBER: _ClassVar[int]
    TERMINATE_DELAY_FIELD_NUMBER: _ClassVar[int]
    process: _containers.RepeatedScalarFieldContainer[str]
    param_match: ParamMatch
    full_command: bool
    weight: int
    reverse: bool
    quorum: int
    quorum_max: int
    delay: _duration_pb2.Duration
    fork_delay: _duration_pb2.Duration
    terminate_delay: _duration_pb2.Duration
    def __init__(self, process: _Optional[_Iterable[str]] = ..., param_match: _Optional[_Union[ParamMatch, str]] = ..., full_command: _Optional[bool] = ..., weight: _Optional[int] = ..., reverse: _Optional[bool] = ..., quorum: _Optional[int] = ..., quorum_max: _Optional[int] = ..., delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., fork_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., terminate_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class TrackedProcess(_message.Message):
    __slots__ = ("name", "weight", "reverse")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    name: str
    weight: int
    reverse: bool
    def __init__(self, name: _Optional[str] = ..., weight: _Optional[int] = ..., reverse: _Optional[bool] = ...) -> None: ...
