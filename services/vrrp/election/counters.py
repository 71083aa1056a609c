"""What is counted of one virtual router? Plain numbers that grow; their meaning for outsiders is in `views.CountersView`."""

from __future__ import annotations


class Counters:
    """Plain numbers since the start; see `views.CountersView`."""

    __slots__ = (
        "address_errors",
        "address_list_errors",
        "adverts_received",
        "adverts_sent",
        "became_master",
        "gratuitous_arps_sent",
        "priority_zero_received",
        "priority_zero_sent",
        "rejected",
        "released_master",
        "send_errors",
    )

    def __init__(self) -> None:
        self.adverts_sent = self.adverts_received = self.became_master = self.released_master = 0
        self.priority_zero_sent = self.priority_zero_received = self.address_list_errors = 0
        self.send_errors = self.gratuitous_arps_sent = self.address_errors = 0
        self.rejected: dict[str, int] = {}
