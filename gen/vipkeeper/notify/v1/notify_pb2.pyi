import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from vipkeeper.common.v1 import event_pb2 as _event_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeliveryResult(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELIVERY_RESULT_UNSPECIFIED: _ClassVar[DeliveryResult]
    DELIVERY_RESULT_DELIVERED: _ClassVar[DeliveryResult]
    DELIVERY_RESULT_GIVEN_UP: _ClassVar[DeliveryResult]
DELIVERY_RESULT_UNSPECIFIED: DeliveryResult
DELIVERY_RESULT_DELIVERED: DeliveryResult
DELIVERY_RESULT_GIVEN_UP: DeliveryResult

class PublishRequest(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_event_pb2.Event]
    def __init__(self, events: _Optional[_Iterable[_Union[_event_pb2.Event, _Mapping]]] = ...) -> None: ...

class PublishResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Delivery(_message.Message):
    __slots__ = ("event_sequence", "subscriber", "keyword", "result", "attempts", "error", "exit_status", "output", "time")
    EVENT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBER_FIELD_NUMBER: _ClassVar[int]
    KEYWORD_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    EXIT_STATUS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    event_sequence: int
    subscriber: str
    keyword: str
    result: DeliveryResult
    attempts: int
    error: str
    exit_status: int
    output: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, event_sequence: _Optional[int] = ..., subscriber: _Optional[str] = ..., keyword: _Optional[str] = ..., result: _Optional[_Union[DeliveryResult, str]] = ..., attempts: _Optional[int] = ..., error: _Optional[str] = ..., exit_status: _Optional[int] = ..., output: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class JournaledEvent(_message.Message):
    __slots__ = ("sequence", "received", "event", "deliveries")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    received: _timestamp_pb2.Timestamp
    event: _event_pb2.Event
    deliveries: _containers.RepeatedCompositeFieldContainer[Delivery]
    def __init__(self, sequence: _Optional[int] = ..., received: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., event: _Optional[_Union[_event_pb2.Event, _Mapping]] = ..., deliveries: _Optional[_Iterable[_Union[Delivery, _Mapping]]] = ...) -> None: ...

class JournalRecord(_message.Message):
    __slots__ = ("event", "delivery", "settled")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    event: JournaledEvent
    delivery: Delivery
    settled: int
    def __init__(self, event: _Optional[_Union[JournaledEvent, _Mapping]] = ..., delivery: _Optional[_Union[Delivery, _Mapping]] = ..., settled: _Optional[int] = ...) -> None: ...

class ListEventsRequest(_message.Message):
    __slots__ = ("after_sequence", "limit")
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    after_sequence: int
    limit: int
    def __init__(self, after_sequence: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListEventsResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[JournaledEvent]
    def __init__(self, events: _Optional[_Iterable[_Union[JournaledEvent, _Mapping]]] = ...) -> None: ...

class WatchEventsRequest(_message.Message):
    __slots__ = ("after_sequence",)
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    after_sequence: int
    def __init__(self, after_sequence: _Optional[int] = ...) -> None: ...

class WatchEventsResponse(_message.Message):
    __slots__ = ("sequence", "event", "synced")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    SYNCED_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    event: JournaledEvent
    synced: Synced
    def __init__(self, sequence: _Optional[int] = ..., event: _Optional[_Union[JournaledEvent, _Mapping]] = ..., synced: _Optional[_Union[Synced, _Mapping]] = ...) -> None: ...

class Synced(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListSubscribersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListSubscribersResponse(_message.Message):
    __slots__ = ("subscribers", "newest_sequence", "settled_sequence")
    SUBSCRIBERS_FIELD_NUMBER: _ClassVar[int]
    NEWEST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SETTLED_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    subscribers: _containers.RepeatedCompositeFieldContainer[Subscriber]
    newest_sequence: int
    settled_sequence: int
    def __init__(self, subscribers: _Optional[_Iterable[_Union[Subscriber, _Mapping]]] = ..., newest_sequence: _Optional[int] = ..., settled_sequence: _Optional[int] = ...) -> None: ...

class Subscriber(_message.Message):
    __slots__ = ("name", "configured", "cursor", "backlog", "delivered", "given_up", "failures", "last_error", "retry_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONFIGURED_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    BACKLOG_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    GIVEN_UP_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    RETRY_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    configured: bool
    cursor: int
    backlog: int
    delivered: int
    given_up: int
    failures: int
    last_error: str
    retry_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., configured: _Optional[bool] = ..., cursor: _Optional[int] = ..., backlog: _Optional[int] = ..., delivered: _Optional[int] = ..., given_up: _Optional[int] = ..., failures: _Optional[int] = ..., last_error: _Optional[str] = ..., retry_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
