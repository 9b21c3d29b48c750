"""Connecting, STATE and the clean stop."""

from __future__ import annotations

import json
from typing import Any

from .judging import judges
from .playing import STATE, Evidence

_C = "operational-behavior-host-application-connect-"


@judges("message-flow-phid-sparkplug-clean-session-311", "message-flow-phid-sparkplug-clean-session-50")
def clean_session(e: Evidence) -> None:
    for session in (1, 2, 3):
        assert e.connect(session).clean is True
        if e.connect(session).level == 5:
            assert e.connect(session).session_expiry == 0
    assert e.connect().level == (5 if e.protocol == "5" else 4) or e.protocol == "auto"


@judges(
    f"{_C}will",
    "host-topic-phid-death-required",
    "payloads-state-will-message",
)
def will_is_there(e: Evidence) -> None:
    assert all(e.connect(session).will for session in (1, 2, 3))
    assert e.retained["cut"]["online"] is False, "the broker published it when the connection broke"


@judges(f"{_C}will-topic", "host-topic-phid-death-topic")
def will_topic(e: Evidence) -> None:
    assert {e.connect(session).will_topic for session in (1, 2, 3)} == {STATE}


@judges(f"{_C}will-qos", "host-topic-phid-death-qos", "payloads-state-will-message-qos")
def will_qos(e: Evidence) -> None:
    assert {e.connect(session).will_qos for session in (1, 2, 3)} == {1}


@judges(f"{_C}will-retained", "host-topic-phid-death-retain", "payloads-state-will-message-retain")
def will_retained(e: Evidence) -> None:
    assert {e.connect(session).will_retain for session in (1, 2, 3)} == {True}
    assert e.retained["cut"]["_retained"] is True


@judges(f"{_C}will-payload", "host-topic-phid-death-payload", "payloads-state-will-message-payload")
def will_payload(e: Evidence) -> None:
    for session in (1, 2, 3):
        said = e.will(session)
        assert set(said) == {"online", "timestamp"}
        assert said["online"] is False
        assert type(said["timestamp"]) is int
        assert abs(said["timestamp"] / 1000 - e.connect(session).at) < 5


@judges(
    "message-flow-phid-sparkplug-subscription",
    "payloads-state-subscribe",
    "host-topic-phid-birth-sub-required",
)
def subscribes_before_state(e: Evidence) -> None:
    for session in (1, 2, 3):
        ups = [p for p in e.host if p.up and p.session == session]
        kinds = [p.kind for p in ups if p.kind in {"CONNECT", "SUBSCRIBE", "PUBLISH"}]
        assert kinds[: kinds.index("PUBLISH")] == ["CONNECT", "SUBSCRIBE"]
        filters = dict(e.up("SUBSCRIBE", session)[0].filters)
        assert set(filters) == {STATE, "spBv1.0/#"}
        suback = next(p for p in e.host if p.kind == "SUBACK" and p.session == session)
        assert e.host.index(suback) < e.host.index(e.states(session)[0])


@judges(
    "message-flow-phid-sparkplug-state-publish",
    "principles-birth-certificates-order",
    "components-ph-state",
    "intro-sparkplug-host-state",
    "conformance-primary-host",
    "host-topic-phid-birth-required",
    "host-topic-phid-birth-message",
    "payloads-state-birth",
    f"{_C}birth",
)
def state_is_the_first_thing_said(e: Evidence) -> None:
    for session in (1, 2, 3):
        first = e.up("PUBLISH", session)[0]
        assert first.topic == STATE
        assert json.loads(first.payload)["online"] is True
    assert e.retained["online"]["online"] is True


@judges("host-topic-phid-birth-topic", f"{_C}birth-topic")
def state_topic(e: Evidence) -> None:
    said = [p.topic for session in (1, 2, 3) for p in e.up("PUBLISH", session) if b'"online"' in p.payload]
    assert len(said) >= 4
    assert set(said) == {STATE}


@judges("host-topic-phid-birth-qos", f"{_C}birth-qos")
def state_qos(e: Evidence) -> None:
    assert {p.qos for session in (1, 2, 3) for p in e.states(session)} == {1}


@judges("host-topic-phid-birth-retain", f"{_C}birth-retained")
def state_retained(e: Evidence) -> None:
    assert {p.retain for session in (1, 2, 3) for p in e.states(session)} == {True}
    assert e.retained["online"]["_retained"] is True


@judges(
    "host-topic-phid-birth-payload",
    "payloads-state-birth-payload",
    "message-flow-phid-sparkplug-state-publish-payload",
    f"{_C}birth-payload",
)
def state_payload(e: Evidence) -> None:
    said = json.loads(e.states()[0].payload.decode("utf-8"))
    assert said == {"online": True, "timestamp": e.will()["timestamp"]}


@judges("host-topic-phid-birth-payload-timestamp", "message-flow-phid-sparkplug-state-publish-payload-timestamp")
def state_has_the_timestamp_of_the_will(e: Evidence) -> None:
    for session in (1, 2, 3):
        assert json.loads(e.states(session)[0].payload)["timestamp"] == e.will(session)["timestamp"]
    stamps = [e.will(session)["timestamp"] for session in (1, 2, 3)]
    assert stamps == sorted(set(stamps)), "every CONNECT has a fresh one"


@judges("message-flow-hid-sparkplug-state-message-delivered")
def a_false_state_is_answered_at_once(e: Evidence) -> None:
    false = next(p for p in e.host if not p.up and p.kind == "PUBLISH" and p.topic == STATE and b"false" in p.payload)
    answer = e.states()[1]
    assert 0 <= answer.at - false.at < 1
    assert json.loads(answer.payload) == {"online": True, "timestamp": e.will()["timestamp"]}
    assert (answer.qos, answer.retain) == (1, True)


def _goodbye(e: Evidence) -> tuple[Any, Any]:
    """The last STATE and the DISCONNECT of the session that was stopped on purpose."""
    (disconnect,) = e.up("DISCONNECT", 2)
    return e.states(2)[-1], disconnect


@judges(
    "operational-behavior-host-application-termination",
    "operational-behavior-host-application-disconnect-intentional",
)
def offline_is_said_before_the_goodbye(e: Evidence) -> None:
    death, disconnect = _goodbye(e)
    assert json.loads(death.payload)["online"] is False
    assert e.host.index(death) < e.host.index(disconnect)
    acked = next(p for p in e.host if not p.up and p.kind == "PUBACK" and p.session == 2 and p.mid == death.mid)
    assert e.host.index(acked) < e.host.index(disconnect)
    assert e.retained["stopped"]["online"] is False


@judges("operational-behavior-host-application-death-topic")
def death_topic(e: Evidence) -> None:
    assert _goodbye(e)[0].topic == STATE


@judges("operational-behavior-host-application-death-payload")
def death_payload(e: Evidence) -> None:
    said = json.loads(_goodbye(e)[0].payload)
    assert set(said) == {"online", "timestamp"}
    assert said["online"] is False


@judges("operational-behavior-host-application-death-qos")
def death_qos(e: Evidence) -> None:
    assert _goodbye(e)[0].qos == 1


@judges("operational-behavior-host-application-death-retained")
def death_retained(e: Evidence) -> None:
    assert _goodbye(e)[0].retain is True
    assert e.retained["stopped"]["_retained"] is True


@judges(
    "host-topic-phid-death-payload-timestamp-disconnect-clean",
    "host-topic-phid-death-payload-timestamp-disconnect-with-no-disconnect-packet",
)
def death_has_the_time_of_the_stop(e: Evidence) -> None:
    stamp = json.loads(_goodbye(e)[0].payload)["timestamp"]
    assert abs(stamp / 1000 - e.marks["stop"]) < 2
    assert stamp > e.will(2)["timestamp"]
    for session in (2, 3):  # we never end a session on purpose without having said so, with or without DISCONNECT
        assert json.loads(e.states(session)[-1].payload)["online"] is False


_M = "operational-behavior-primary-application-state-with-multiple-servers-state"


@judges(f"{_M}-subs")
def the_host_listens_to_state_on_every_broker(e: Evidence) -> None:
    for packets, session in ((e.host, 3), (e.other, 1)):
        (subscribe,) = [p for p in packets if p.up and p.kind == "SUBSCRIBE" and p.session == session]
        assert STATE in dict(subscribe.filters)


@judges(_M)
def the_host_says_its_state_on_every_broker(e: Evidence) -> None:
    for packets, session in ((e.host, 3), (e.other, 1)):
        said = [p for p in packets if p.up and p.kind == "PUBLISH" and p.topic == STATE and p.session == session]
        *before, last = [json.loads(p.payload)["online"] for p in said]
        assert set(before) == {True}
        assert last is False


@judges("operational-behavior-host-application-multi-server-timestamp")
def every_broker_has_its_own_timestamp(e: Evidence) -> None:
    (there,) = [p for p in e.other if p.up and p.kind == "CONNECT"]
    state = next(p for p in e.other if p.up and p.kind == "PUBLISH")
    stamp = json.loads(there.will_payload)["timestamp"]
    assert json.loads(state.payload)["timestamp"] == stamp
    assert stamp != e.will(3)["timestamp"]
