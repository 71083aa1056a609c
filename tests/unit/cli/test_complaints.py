"""What is said about everything that is wrong, where exactly, and how bad it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.keepalived_conf.complaints import LIMIT, Severity
from cli.keepalived_conf.grammar import TABLES, Keyword, Listed
from cli.keepalived_conf.keywords import known_keywords
from cli.keepalived_conf.reading import read_conf, read_text
from tests.unit.cli import corpus
from tests.unit.cli.test_translate import DIRECTOR

NOTE, UNSUPPORTED, MISTAKE, REFUSED = Severity.NOTE, Severity.UNSUPPORTED, Severity.MISTAKE, Severity.REFUSED
BFD = "bfd_instance b {\n neighbor_ip 192.0.2.2\n %s\n}"
INSTANCE = "vrrp_instance V {\n interface eth0\n virtual_router_id 5\n virtual_ipaddress {\n 10.0.0.1\n }\n %s\n}\n"
SERVER = "virtual_server 10.0.0.1 80 {\n protocol TCP\n lb_algo rr\n lb_kind NAT\n real_server 10.0.0.2 80 {\n }\n %s\n}\n"
REAL = "virtual_server 10.0.0.1 80 {\n protocol TCP\n lb_algo rr\n lb_kind NAT\n real_server 10.0.0.2 80 {\n %s\n}\n}\n"


def found(text: str) -> list[tuple[int, int, Severity, str]]:
    return [(c.at.line, c.at.column, c.severity, c.message) for c in read_text(text).complaints]


# In the instance and the virtual server the tried line is the seventh, its first character in column 2.
@pytest.mark.parametrize(
    ("line", "column", "severity", "message"),
    [
        ("priority 300", 11, MISTAKE, "priority: expected a number from 1 to 255, got '300'"),
        ("priority abc", 11, MISTAKE, "priority: expected a number from 1 to 255, got 'abc'"),
        ("priority", 2, REFUSED, "priority: expected a number from 1 to 255 after it, got nothing"),
        ("priority 5 6", 13, NOTE, "priority: '6' is ignored; expected the end of the line"),
        ("advert_int 0", 13, MISTAKE, "advert_int: expected 0.01 to 255 seconds, got '0'"),
        ("advert_int 1,5", 13, MISTAKE, "advert_int: expected 0.01 to 255 seconds, got '1,5'"),
        ("advert_int .", 13, MISTAKE, "advert_int: expected 0.01 to 255 seconds, got '.'"),
        ("state FOO", 8, MISTAKE, "state: expected one of MASTER, BACKUP, got 'FOO'"),
        ("nopreempt off", 12, NOTE, "nopreempt: 'off' is ignored; expected the end of the line"),
        ("smtp_alert maybe", 13, MISTAKE, "smtp_alert: expected one of on, true, yes, off, false, no, got 'maybe'"),
        ("mcast_src_ip 1.2.3", 15, MISTAKE, "mcast_src_ip: expected an IP address, got '1.2.3'"),
        ("proirity 5", 2, MISTAKE, "unknown keyword 'proirity' in vrrp_instance; did you mean 'priority'?"),
        ("weight 5", 2, MISTAKE, "unknown keyword 'weight' in vrrp_instance; it belongs in vrrp_script"),
        ("qwertz 5", 2, MISTAKE, "unknown keyword 'qwertz' in vrrp_instance"),
        (
            "notify_deleted",
            2,
            UNSUPPORTED,
            "notify_deleted in vrrp_instance is not supported yet, left out",
        ),
        ("notify /x root", 12, UNSUPPORTED, "notify: a user of its own ('root') is not supported yet, left out"),
        ('notify ""', 9, MISTAKE, "notify: expected a command, got ''"),
        ("track_script {\n nope\n}", 2, MISTAKE, "there is no vrrp_script 'nope': it is not tracked"),
        ("track_interface", 2, MISTAKE, "expected '{' after track_interface"),
        ("authentication {\n auth_pass x\n}", 2, MISTAKE, "authentication: expected auth_type; left out"),
        ("authentication {\n auth_type PASS\n}", 2, MISTAKE, "authentication: expected auth_pass; left out"),
        ("track_interface {\n eth0\n}", 2, NOTE, "track_interface: the instance's own interface is ignored"),
        ("notify", 2, REFUSED, "notify: expected a command after it, got nothing"),
        ("smtp_alert on off", 16, NOTE, "smtp_alert: 'off' is ignored"),
        ("priority 5 {\n}", 13, MISTAKE, "unexpected '{': priority opens no block"),
        ("{\n foo\n}", 2, MISTAKE, "unexpected '{': expected a keyword before it"),
        ("interface eth0eth0eth0eth0", 12, MISTAKE, "interface: expected an interface name of 1 to 15 bytes"),
        ('notify "/x', 9, REFUSED, 'this quote is never closed: expected another " on the same line'),
    ],
)
def test_in_an_instance(line: str, column: int, severity: Severity, message: str) -> None:
    complaints = found(INSTANCE % line)
    at, where, how_bad, text = complaints[0]
    if "nope" in line or "own interface" in message:
        at -= 1  # the name stands on the next line
    assert (at, where, how_bad) == (7, column, severity)
    assert message in text


@pytest.mark.parametrize(
    ("line", "column", "severity", "message"),
    [
        ("10.0.0.300", 1, MISTAKE, "virtual_ipaddress: expected ADDRESS or ADDRESS/LENGTH, got '10.0.0.300'"),
        ("10.0.0.2/33", 1, MISTAKE, "virtual_ipaddress: expected ADDRESS or ADDRESS/LENGTH, got '10.0.0.2/33'"),
        ("10.0.0.2/", 1, MISTAKE, "expected ADDRESS or ADDRESS/LENGTH"),
        ("10.0.0.2 dev", 10, MISTAKE, "dev: expected a value after it, got the end of the line"),
        (
            "10.0.0.2 foo",
            10,
            MISTAKE,
            "expected one of dev, scope, label, brd, peer, preferred_lft, track_group, home, -nodad, mngtmpaddr, ",
        ),
        ("10.0.0.2 preferred_lft soon", 24, MISTAKE, "expected a number of seconds or forever, got 'soon'"),
        ("10.0.0.2 home", 10, MISTAKE, "only IPv6 addresses have that"),
        ("10.0.0.2 label sixteen-bytes-xx", 16, MISTAKE, "label: expected at most 15 bytes"),
        ("10.0.0.2 scope nonsense", 16, MISTAKE, "expected global, site, link, host, nowhere or 0 to 255"),
        ("10.0.0.1", 1, NOTE, "virtual_ipaddress: 10.0.0.1 is given twice"),
        (
            "fe80::1",
            1,
            MISTAKE,
            "virtual_ipaddress: expected IPv4 addresses as the first one, got fe80::1; virtual_ipaddress_ex",
        ),
        ("a { b", 3, MISTAKE, "unexpected '{' in virtual_ipaddress: expected one item a line"),
    ],
)
def test_in_a_list_of_addresses(line: str, column: int, severity: Severity, message: str) -> None:
    complaints = found(INSTANCE.replace("10.0.0.1\n", f"10.0.0.1\n{line}\n") % "")
    assert [c for c in complaints if c[:3] == (6, column, severity) and message in c[3]] != [], complaints


@pytest.mark.parametrize(
    ("line", "column", "severity", "message"),
    [
        ("lb_algo foo", 10, MISTAKE, "lb_algo: expected one of rr, wrr, lc,"),
        ("lb_kind dr", 10, MISTAKE, "lb_kind: expected one of NAT, DR, TUN, got 'dr'"),
        ("persistence_timeout 0", 22, MISTAKE, "persistence_timeout: expected 1 to 2678400 seconds, got '0'"),
        ("persistence_granularity 255.0.255.0", 26, MISTAKE, "expected a netmask such as 255.255.255.0"),
        ("sorry_server x 80", 15, MISTAKE, "sorry_server: expected an IP address, got 'x'"),
        ("sorry_server 10.0.0.9 99999", 24, MISTAKE, "sorry_server: expected a port from 1 to 65535, got '99999'"),
        ("persistence_granularity", 2, REFUSED, "persistence_granularity: expected a netmask"),
        ("quorum 0", 9, MISTAKE, "quorum: expected a number from 1 to 4294967295, got '0'"),
        ("real_server 10.0.0.2 80 {\n}", 14, MISTAKE, "real_server/tcp-10.0.0.1-80/10.0.0.2-80 is there already (line 5)"),
        ("real_server", 2, REFUSED, "real_server: expected an IP address after it, got nothing"),
    ],
)
def test_in_a_virtual_server(line: str, column: int, severity: Severity, message: str) -> None:
    complaints = found(SERVER % line)
    assert [c for c in complaints if c[:3] == (7, column, severity) and message in c[3]] != [], complaints


@pytest.mark.parametrize(
    ("line", "place", "severity", "message"),
    [
        ("weight 70000", (6, 9), MISTAKE, "weight: expected a number from 0 to 65535"),
        ("HTTP_GET {\n}", (6, 2), MISTAKE, "HTTP_GET: expected at least one url; left out"),
        ("HTTP_GET {\nurl {\nstatus_code 200\n}\n}", (7, 1), MISTAKE, "url: expected path; the check is left out"),
        ("HTTP_GET {\nurl {\npath /\nstatus_code 99\n}\n}", (9, 13), MISTAKE, "expected a code or range from 100 to 599"),
        ("HTTP_GET {\nurl {\npath /\ndigest xx\n}\n}", (9, 8), MISTAKE, "expected 32 hexadecimal digits, got 'xx'"),
        ("HTTP_GET {\nnb_get_retry 3\nurl {\npath /\n}\n}", (7, 1), NOTE, "nb_get_retry is deprecated; expected retry"),
        ("HTTP_GET {\nurl {\npath /\nstatus_code\n}\n}", (9, 1), REFUSED, "status_code: expected status codes after it"),
        (
            "HTTP_GET {\nurl {\npath /\nregex a b\n}\n}",
            (9, 9),
            MISTAKE,
            "regex: expected one pattern, in double quotes if it has",
        ),
        ("HTTP_GET {\nurl {\npath /\nregex\n}\n}", (9, 1), REFUSED, "regex: expected a pattern after it, got nothing"),
        ('HTTP_GET {\nurl {\npath /\nregex ""\n}\n}', (9, 7), NOTE, "regex: an empty pattern has no effect"),
        (
            'HTTP_GET {\nurl {\npath /\nregex "a\\d"\n}\n}',
            (9, 7),
            NOTE,
            "regex: \\d is the letter d, as in keepalived; expected \\\\d",
        ),
        (
            'HTTP_GET {\nurl {\npath /\nregex "he(llo"\n}\n}',
            (9, 1),
            MISTAKE,
            "regex: character 7, after 'he(llo': missing closing parenthesis; the url counts without its regex",
        ),
        (
            "HTTP_GET {\nurl {\npath /\nregex a\nregex_options utf jit\n}\n}",
            (10, 19),
            MISTAKE,
            "use_offset_limit, utf, got 'jit'",
        ),
        ("HTTP_GET {\nurl {\npath /\nregex_options\n}\n}", (9, 1), REFUSED, "regex_options: expected options after it"),
        ("HTTP_GET {\nurl {\npath /\nregex_no_match\n}\n}", (9, 1), MISTAKE, "regex_no_match: has no effect without regex"),
        (
            "HTTP_GET {\nurl {\npath /\nregex a\nregex_min_offset 5\nregex_max_offset 4\n}\n}",
            (11, 1),
            MISTAKE,
            "regex_max_offset: expected at least regex_min_offset, 5, got 4",
        ),
        ("HTTP_GET {\nurl {\npath /\nregex_stack 1 2\n}\n}", (9, 1), NOTE, "regex_stack has no effect: patterns are matched"),
        ("HTTP_GET {\nurl {\npath /\n}\ntls_compliant\n}", (10, 1), MISTAKE, "unknown keyword 'tls_compliant' in HTTP_GET"),
        ("HTTP_GET x {\nurl {\npath /\n}\n}", (6, 11), NOTE, "HTTP_GET: 'x' is ignored; expected '{'"),
        ("MISC_CHECK {\n}", (6, 2), MISTAKE, "MISC_CHECK: expected misc_path; left out"),
        ("BFD_CHECK {\n name x\n}", (6, 2), UNSUPPORTED, "BFD_CHECK in real_server is not supported yet"),
        ("FILE_CHECK {\n}", (6, 2), MISTAKE, "FILE_CHECK: expected track_file; left out"),
        ("FILE_CHECK {\ntrack_file x\n}", (6, 2), MISTAKE, "FILE_CHECK: there is no track_file 'x'; left out"),
        ("DNS_CHECK {\ntype PTR\n}", (7, 6), MISTAKE, "type: expected one of A, NS, CNAME, SOA"),
        ("DNS_CHECK {\nname a..b\n}", (7, 6), MISTAKE, "name: expected labels of 1 to 63 characters"),
        ("UDP_CHECK {\npayload zz\n}", (7, 9), MISTAKE, "payload: expected hexadecimal digits, got 'zz'"),
        ("UDP_CHECK {\npayload\n}", (7, 1), MISTAKE, "payload: expected hexadecimal digits after it, got nothing"),
        ("UDP_CHECK {\nrequire_reply zz\n}", (7, 15), MISTAKE, "require_reply: expected hexadecimal digits and x"),
        ("UDP_CHECK {\nmax_reply_length 65536\n}", (7, 18), MISTAKE, "max_reply_length: expected a number from 0 to 65535"),
        ("PING_CHECK {\nconnect_port 7\n}", (7, 1), NOTE, "connect_port has no effect: ICMP has none"),
        ("TCP_CHECK {\nconnect_port 0\n}", (7, 14), MISTAKE, "connect_port: expected a number from 1 to 65535"),
    ],
)
def test_in_a_real_server(line: str, place: tuple[int, int], severity: Severity, message: str) -> None:
    complaints = found(REAL % line)
    assert [c for c in complaints if c[:3] == (*place, severity) and message in c[3]] != [], complaints


@pytest.mark.parametrize(
    ("text", "place", "severity", "message"),
    [
        ("foo", (1, 1), MISTAKE, "unknown keyword 'foo' at the top level"),
        ("vrrp_instanze V {\n bar\n}", (1, 1), MISTAKE, "did you mean 'vrrp_instance'?"),
        ("}\n", (1, 1), MISTAKE, "unexpected '}': no block is open here"),
        ("global_defs {\n router_id a", (1, 13), MISTAKE, "this '{' is never closed: expected '}' for 'global_defs'"),
        ("vrrp_instance {\n}", (1, 1), MISTAKE, "vrrp_instance: expected a name after it, got nothing"),
        ("vrrp_script a/b {\n}", (1, 13), MISTAKE, "expected a name without a slash, got 'a/b'"),
        ("vrrp_instance V\n", (1, 1), MISTAKE, "expected '{' after vrrp_instance"),
        ("vrrp_sync_group G {\n}", (1, 17), MISTAKE, "group: expected the names of the member instances"),
        ("virtual_server group G {\n}", (1, 16), MISTAKE, "group: there is no virtual_server_group 'G'"),
        ("virtual_server group {\n}", (1, 1), REFUSED, "expected the name of a virtual_server_group after group"),
        ("virtual_server fwmark x {\n}", (1, 23), MISTAKE, "fwmark: expected a number from 1 to 4294967295, got 'x'"),
        ("virtual_server fwmark {\n}", (1, 1), REFUSED, "expected a firewall mark after fwmark"),
        ("virtual_server {\n}", (1, 1), REFUSED, "expected ADDRESS PORT, or fwmark MARK, or group NAME after it"),
        ("vrrp_script x {\n}", (1, 13), MISTAKE, "script: expected a command line, got none"),
        ("vrrp_script x {\nscript /a b\n}", (2, 11), NOTE, "'b' is ignored; quote the command with its arguments"),
        ("bfd_instance b {\n}", (1, 14), MISTAKE, "bfd_instance b: expected neighbor_ip; left out"),
        ("bfd_instance b {\n neighbor_ip x\n}", (2, 14), MISTAKE, "neighbor_ip: expected"),
        (BFD % "min_rx 0.9", (3, 9), MISTAKE, "min_rx: expected 1 to 4294967 milliseconds, got '0.9'"),
        (BFD % "min_tx 4294968", (3, 9), MISTAKE, "min_tx: expected 1 to 4294967 milliseconds"),
        (BFD % "idle_tx 999", (3, 10), MISTAKE, "idle_tx: expected 1000 to 4294967 milliseconds"),
        (BFD % "min_tx", (3, 2), REFUSED, "min_tx: expected 1 to 4294967 milliseconds after it"),
        (BFD % "weight 5 sideways", (3, 11), NOTE, "weight: 'sideways' is ignored"),
        (BFD % "weight 254", (3, 9), MISTAKE, "weight: expected a number from -253 to 253"),
        (BFD % "checker", (3, 2), UNSUPPORTED, "checker in bfd_instance is not supported yet, left out"),
        ("{ " * 60, (1, 101), REFUSED, "blocks are nested deeper than 50"),
    ],
)
def test_at_the_top_level(text: str, place: tuple[int, int], severity: Severity, message: str) -> None:
    complaints = found(text)
    assert [c for c in complaints if c[:3] == (*place, severity) and message in c[3]] != [], complaints


def test_an_instance_that_could_not_hear_its_peers_is_left_out() -> None:
    conf = read_text(INSTANCE % "auth_hmac {\n key 300 secret\n}")
    assert dict(conf.objects) == {}
    whole = conf.complaints[0]
    assert (whole.at.line, whole.at.column, whole.severity) == (1, 15, UNSUPPORTED)
    assert "without auth_hmac" in whole.message


AH = "authentication {\n auth_type AH\n auth_pass x\n}"


@pytest.mark.parametrize("text", ["global_defs {\nvrrp_version 3\n}\n" + INSTANCE % AH, INSTANCE % f"version 3\n {AH}"])
def test_ah_with_version_3_is_left_out_as_keepalived_leaves_it_out(text: str) -> None:
    conf = read_text(text)
    assert [c.severity for c in conf.complaints] == [MISTAKE]
    assert "auth_type AH: expected VRRPv2 over IPv4" in conf.complaints[0].message
    assert "authentication" not in conf.objects["config/vrrp_instance/V"]


@pytest.mark.parametrize("text", [INSTANCE % AH, "global_defs {\nvrrp_version 3\n}\n" + INSTANCE % f"version 2\n {AH}"])
def test_ah_of_version_2_is_understood(text: str) -> None:
    conf = read_text(text)
    assert conf.complaints == ()
    assert conf.objects["config/vrrp_instance/V"]["authentication"] == {"auth_type": "ah", "auth_pass": "x"}


HMAC_BLOCK = "auth_hmac {\n key 7 %s\n active_key 7\n time_window 9\n anti_replay monotonic\n mode receive-only\n}"


def test_an_hmac_block_is_understood() -> None:
    conf = read_text(INSTANCE % HMAC_BLOCK % ("hex:" + "5a" * 32))
    assert conf.complaints == ()
    assert conf.objects["config/vrrp_instance/V"]["auth_hmac"] == {
        "key": [{"id": 7, "value": "hex:" + "5a" * 32}],
        "active_key": 7,
        "time_window": "9s",
        "anti_replay": "monotonic",
        "mode": "receive_only",
    }


def test_a_key_in_a_file_stays_in_its_file() -> None:
    conf = read_text(INSTANCE % HMAC_BLOCK % "file:/etc/key")
    assert conf.complaints == ()
    assert conf.objects["config/vrrp_instance/V"]["auth_hmac"]["key"] == [{"id": 7, "key_file": "/etc/key"}]


def test_a_key_without_its_certificate_is_left_out() -> None:
    assert found("SSL {\nkey /k\n}") == [(1, 1, MISTAKE, "SSL: expected certificate, for which the key is; left out")]
    assert found("SSL {\nca /c\n}")[0][2:] == (
        NOTE,
        "ca has no effect: servers' certificates are not verified, as in keepalived; keys may ask for it (tls_verify)",
    )


def test_an_instance_without_any_key_that_can_be_used_is_left_out() -> None:
    conf = read_text(INSTANCE % HMAC_BLOCK.replace("7 %s", "256 %s") % "file:/etc/key")
    assert dict(conf.objects) == {}
    assert "without auth_hmac" in " ".join(c.message for c in conf.complaints)


@pytest.mark.parametrize(("line", "accept"), [("accept", True), ("no_accept", False)])
def test_accept_and_no_accept_are_one_field(line: str, accept: bool) -> None:
    assert read_text(INSTANCE % line).objects["config/vrrp_instance/V"]["accept"] is accept


def test_two_instances_with_one_vrid_on_an_interface() -> None:
    text = INSTANCE % "" + (INSTANCE % "").replace(" V ", " W ").replace("10.0.0.1", "10.0.0.2")
    assert [(c[0], c[1], c[2]) for c in found(text)] == [(11, 2, MISTAKE)]


@pytest.mark.parametrize(
    ("row", "column", "message"),
    [
        ("nobody", 1, "unicast_peer: expected an IP address, got 'nobody'"),
        ("10.0.0.9 ttl 5", 10, "unicast_peer: expected min_ttl or max_ttl, or the end of the line, got 'ttl'"),
        ("10.0.0.9 min_ttl", 10, "min_ttl: expected a number from 0 to 255, got 'min_ttl'"),
        ("10.0.0.9 max_ttl 256", 18, "max_ttl: expected a number from 0 to 255, got '256'"),
        ("10.0.0.9 min_ttl 9 max_ttl 8", 18, "min_ttl: 9 is more than max_ttl, 8: nothing could be heard"),
        ("fe80::9", 1, "unicast_peer: expected IPv4 addresses as the first one, got fe80::9"),
    ],
)
def test_in_a_list_of_unicast_peers(row: str, column: int, message: str) -> None:
    complaints = found(INSTANCE % f"unicast_peer {{\n{row}\n}}")
    assert [c for c in complaints if c[:3] == (8, column, MISTAKE) and message in c[3]] != [], complaints


@pytest.mark.parametrize(
    ("row", "column", "message"),
    [
        ("eth1 weight", 6, "track_interface weight: expected a number from -253 to 253, got 'weight'"),
        ("eth1 weight 300", 13, "track_interface weight: expected a number from -253 to 253, got '300'"),
        ("eth1 foo", 6, "track_interface: expected weight NUMBER [reverse|noreverse], got 'foo'; eth1 left out"),
    ],
)
def test_in_a_list_of_what_is_tracked(row: str, column: int, message: str) -> None:
    assert found(INSTANCE % f"track_interface {{\n{row}\n}}") == [(8, column, MISTAKE, message)]


def test_the_last_of_reverse_and_noreverse_counts() -> None:
    conf = read_text(INSTANCE % "track_interface {\neth1 weight 5 reverse noreverse\n}")
    assert conf.objects["config/vrrp_instance/V"]["track_interface"] == [{"name": "eth1", "weight": 5, "reverse": False}]


def test_of_very_many_complaints_the_worst_is_kept_and_the_rest_counted() -> None:
    conf = read_text("".join(f"w{i}\n" for i in range(LIMIT + 9)) + "virtual_server {\n}\n")
    assert (conf.exit_status, len(conf.complaints), conf.unshown) == (4, LIMIT, 10)
    assert conf.complaints[-1].severity is REFUSED


def test_a_script_defined_below_is_tracked_and_noted() -> None:
    complaints = found(INSTANCE % "track_script {\n x\n}" + "vrrp_script x {\nscript /bin/x\n}")
    assert [c[:3] for c in complaints] == [(8, 2, NOTE)]


@pytest.mark.parametrize(
    ("keyword", "block", "row"),
    [
        ("track_file", "track_file", "file /run/x"),
        ("track_file", "vrrp_track_file", "file /run/x"),
        ("track_process", "vrrp_track_process", "process x"),
    ],
)
def test_what_is_tracked_may_be_defined_below_and_is_noted(keyword: str, block: str, row: str) -> None:
    complaints = found(INSTANCE % f"{keyword} {{\n x\n}}" + f"{block} x {{\n{row}\n}}")
    assert {c[:3] for c in complaints} == {(8, 2, NOTE)} | ({(11, 1, NOTE)} if block == "vrrp_track_file" else set())
    assert found(INSTANCE % f"{keyword} {{\n x\n}}")[0][2] is MISTAKE


def test_a_process_has_a_name() -> None:
    assert {c[2] for c in found("vrrp_track_process x {\n process\n}")} == {REFUSED, MISTAKE}
    assert [c[2] for c in found("vrrp_track_process x {\n quorum 2\n}")] == [MISTAKE]


@pytest.mark.parametrize(
    "text",
    [
        "linkbeat_use_polling\n",
        "linkbeat_interfaces {\n eth0 MII\n}\n",
        INSTANCE % "linkbeat_use_polling",
        "global_defs {\n process_monitor_rcv_bufs 500000\n}\n",
    ],
)
def test_what_has_nothing_to_do_here_says_so_and_does_not_hinder_an_import(text: str) -> None:
    conf = read_text(text)
    assert [c.severity for c in conf.complaints] == [NOTE]
    assert "has no effect" in conf.complaints[0].message
    assert conf.importable


def test_a_bfd_session_defined_below_is_tracked_and_noted() -> None:
    complaints = found(INSTANCE % "track_bfd {\n x\n}" + "bfd_instance x {\nneighbor_ip 192.0.2.2\n}")
    assert [c[:3] for c in complaints] == [(8, 2, NOTE)]


def test_a_bfd_session_that_does_not_exist_is_no_tracker() -> None:
    complaints = found(INSTANCE % "track_bfd {\n nope\n}")
    assert [c for c in complaints if "there is no bfd_instance 'nope': it is not tracked" in c[3]] != [], complaints


def test_an_unknown_block_is_skipped_as_a_whole_with_one_complaint() -> None:
    conf = read_text(INSTANCE % "bogus {\n a b\n c {\n d\n }\n}\n priority 7")
    assert [c.at.line for c in conf.complaints] == [7]
    assert conf.objects["config/vrrp_instance/V"]["priority"] == 7


@pytest.mark.parametrize(("text", "status"), [(INSTANCE % "", 0), (INSTANCE % "notify_deleted", 5), (INSTANCE % "priority", 4)])
def test_exit_statuses_are_those_of_keepalived(text: str, status: int) -> None:
    assert read_text(text).exit_status == status


def test_only_notes_do_not_stand_in_the_way_of_an_import() -> None:
    assert read_text(INSTANCE % "priority 5 6").importable
    assert not read_text(INSTANCE % "notify_deleted").importable


def test_a_file_of_nonsense_is_refused_quickly() -> None:
    conf = read_text("\n".join(f"w{i} x" for i in range(50_000)))
    assert conf.exit_status == 4
    assert len(conf.complaints) <= LIMIT + 1


def test_every_field_of_the_messages_has_its_keyword_and_the_reverse() -> None:
    from services.common.values import MESSAGES

    places = {
        "global_defs": MESSAGES["global"],
        "SSL": MESSAGES["global"].fields_by_name["ssl"].message_type,
        "vrrp_instance": MESSAGES["vrrp_instance"],
        "vrrp_instance/authentication": MESSAGES["vrrp_instance"].fields_by_name["authentication"].message_type,
        "vrrp_instance/auth_hmac": MESSAGES["vrrp_instance"].fields_by_name["auth_hmac"].message_type,
        "vrrp_sync_group": MESSAGES["vrrp_sync_group"],
        "vrrp_script": MESSAGES["vrrp_script"],
        "track_file": MESSAGES["track_file"],
        "vrrp_track_file": MESSAGES["track_file"],
        "vrrp_track_process": MESSAGES["vrrp_track_process"],
        "": MESSAGES["static"],
        "track_group": MESSAGES["track_group"],
        "garp_group": MESSAGES["garp_group"],
        "bfd_instance": MESSAGES["bfd_instance"],
        "virtual_server": MESSAGES["virtual_server"],
        "virtual_server/real_server": MESSAGES["real_server"],
        "virtual_server/real_server/TCP_CHECK": MESSAGES["real_server"].fields_by_name["tcp_check"].message_type,
        "virtual_server/real_server/HTTP_GET": MESSAGES["real_server"].fields_by_name["http_get"].message_type,
        "virtual_server/real_server/SSL_GET": MESSAGES["real_server"].fields_by_name["ssl_get"].message_type,
        "virtual_server/real_server/MISC_CHECK": MESSAGES["real_server"].fields_by_name["misc_check"].message_type,
        "virtual_server/real_server/DNS_CHECK": MESSAGES["real_server"].fields_by_name["dns_check"].message_type,
        "virtual_server/real_server/UDP_CHECK": MESSAGES["real_server"].fields_by_name["udp_check"].message_type,
        "virtual_server/real_server/PING_CHECK": MESSAGES["real_server"].fields_by_name["ping_check"].message_type,
        "virtual_server/real_server/SMTP_CHECK": MESSAGES["real_server"].fields_by_name["smtp_check"].message_type,
        "virtual_server/real_server/SMTP_CHECK/host": MESSAGES["real_server"].fields_by_name["smtp_check"].message_type,
        "virtual_server/real_server/FILE_CHECK": MESSAGES["real_server"].fields_by_name["file_check"].message_type,
        "virtual_server/real_server/HTTP_GET/url": MESSAGES["real_server"]
        .fields_by_name["http_get"]
        .message_type.fields_by_name["url"]
        .message_type,
    }
    ssl_url = places["virtual_server/real_server/HTTP_GET/url"]
    places["virtual_server/real_server/SSL_GET/url"] = ssl_url
    assert {*places} == {*TABLES}
    heads = {
        "virtual_server": {"address", "port", "fwmark", "group", "tunnel"},
        "virtual_server/real_server": {"address", "port", "tunnel"},
    }
    heads |= {
        block: {"reverse"} for block in ("vrrp_script", "track_file", "vrrp_track_file", "vrrp_track_process", "bfd_instance")
    }
    heads |= {"global_defs": {"vrrp_garp_extra_if_all"}, "vrrp_instance": {"garp_extra_if_all"}}
    heads |= {"virtual_server/real_server/FILE_CHECK": {"reverse"}, "virtual_server/real_server/SMTP_CHECK/host": {"helo_name"}}
    rhythm = {"delay_loop_down", "delay_jitter"}
    # keepalived: only FIFOs; blocks of their own; nothing like it
    own = {"global_defs": {"notify", "interface_up_down_delays", "ssl", "max_probes_per_second", "lvs_repair"}}
    beyond = {"tls_verify", "tls_ca_file", "tls_min_days"}
    own["virtual_server"] = {"drain_on_removal", "slow_start", "panic_threshold"} | rhythm
    own["virtual_server/real_server"] = {"grpc_check", "agent_check", "priority_group"} | rhythm
    own["virtual_server/real_server/HTTP_GET"] = beyond | {"tls_compliant"}
    own["virtual_server/real_server/HTTP_GET/url"] = {"tls_compliant"}
    own["virtual_server/real_server/SSL_GET"] = beyond
    for block, message in places.items():
        fields = {k.field for k in TABLES[block].values()} - {"", "sorry_server.lb_kind", "host"}
        fields -= {"lvs_sync_daemon"} if block == "vrrp_instance" else set()  # a field of the global settings
        assert fields | heads.get(block, set()) | own.get(block, set()) == {*message.fields_by_name}, block


def test_every_keyword_of_the_tables_is_one_of_keepalived() -> None:
    older = {"lvs_id", "nb_get_retry"}
    for block, table in TABLES.items():
        for word, keyword in table.items():
            assert isinstance(keyword, Keyword | Listed)
            assert word in older or word in known_keywords()[block], (block, word)


@corpus.needed
def test_no_real_file_brings_a_traceback_and_nothing_fatal_is_accepted() -> None:
    verdicts = corpus.verdicts()
    silent = []
    for file in corpus.FILES:
        conf = read_conf(str(file), "director1")
        row = verdicts.get(str(file.relative_to(corpus.FOLDER)), {})
        categories = {category.partition(":")[0] for category in row.get("complaint_categories", "").split(",")}
        may_come_later = categories == {"iface_missing"}  # of which keepalived has some that are fatal
        if row.get("verdict") == "fatal" and conf.exit_status == 0 and not may_come_later:
            silent.append(file.name)
        assert all(c.at.line >= 1 and c.at.column >= 1 for c in conf.complaints)
    assert silent == []


SNIPPETS = st.sampled_from(
    [
        " ",
        "\n",
        "{",
        "}",
        '"',
        "'",
        "\\",
        "#",
        "!",
        "$A=",
        "$A",
        "${A}",
        "@x ",
        "~SEQ(A,1,3) ",
        "~LST(A,1) ",
        "\\\n",
        "\t",
        "x",
        "0",
    ]
)


@settings(max_examples=150)
@given(st.data())
def test_no_mutation_of_a_configuration_brings_a_traceback_or_a_hang(data: st.DataObject) -> None:
    text = DIRECTOR
    for _ in range(data.draw(st.integers(1, 12))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 40)))
        text = text[:start] + data.draw(st.one_of(SNIPPETS, st.text(max_size=3))) + text[end:]
    conf = read_text(text)
    assert conf.exit_status in (0, 4, 5)
    assert bool(conf.complaints) == (conf.exit_status != 0)
    assert all("\n" not in str(c) for c in conf.complaints)


def test_words_that_have_nothing_to_do_say_why_and_do_not_stand_in_the_way() -> None:
    words = {"vrrp_priority": "-10", "max_auto_priority": "", "bfd_no_swap": "", "vrrp_rx_bufs_policy": "MTU"}
    conf = read_text("global_defs {\n" + "".join(f"{k} {v}\n" for k, v in words.items()) + "}\n" + INSTANCE % "debug 3")
    assert [(c.severity, c.message.partition(" has no effect: ")[0]) for c in conf.complaints] == [
        (NOTE, word) for word in (*words, "debug")
    ]
    assert conf.importable


def test_what_is_so_anyway_is_accepted_without_a_word() -> None:
    bare = INSTANCE.replace("10.0.0.1\n", "") % "no_virtual_ipaddress"
    assert read_text("global_defs {\n dynamic_interfaces allow_if_changes\n}\n" + bare).complaints == ()
    assert [c.severity for c in read_text(bare.replace("no_virtual_ipaddress", "")).complaints] == [NOTE]
    wrong = read_text("global_defs {\n dynamic_interfaces sometimes\n}\n" + bare)
    assert [(c.severity, c.at.line) for c in wrong.complaints] == [(NOTE, 2)]


def test_delays_of_interfaces_are_global_settings_and_several_blocks_add_up() -> None:
    one, other = "interface_up_down_delays {\n eth0 1.5 2\n}\n", "interface_up_down_delays {\n eth1 0.1\n}\n"
    conf = read_text(one + "global_defs {\n vrrp_version 3\n}\n" + other)
    assert conf.complaints == ()
    assert conf.objects["config/global"] == {
        "vrrp_version": 3,
        "interface_up_down_delays": [
            {"name": "eth0", "down_delay": "1.5s", "up_delay": "2s"},
            {"name": "eth1", "down_delay": "0.1s"},
        ],
    }


@pytest.mark.parametrize(
    ("line", "severity"), [("eth0", MISTAKE), ("eth0 256", MISTAKE), ("eth0 x", MISTAKE), ("e 1 2 3", NOTE)]
)
def test_bad_delays_of_interfaces_are_left_out(line: str, severity: Severity) -> None:
    conf = read_text(f"interface_up_down_delays {{\n {line}\n}}\n")
    assert [(c.severity, c.at.line) for c in conf.complaints] == [(severity, 2)]
    assert bool(conf.objects) is (severity is NOTE)


@pytest.mark.parametrize("words", ["", "x", "0 1024"])
def test_processors_are_numbers(words: str) -> None:
    conf = read_text(f"global_defs {{\n vrrp_cpu_affinity {words}\n}}\n" + INSTANCE % "")
    assert [c.severity for c in conf.complaints] == [MISTAKE if words else REFUSED]
