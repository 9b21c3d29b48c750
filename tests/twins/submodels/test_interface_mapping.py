"""T64: transformations compute, and can do nothing else."""

from __future__ import annotations

import base64
import time
from datetime import timedelta
from typing import Any

import pytest

from lineshaft.twins.metamodel import checking as metamodel
from lineshaft.twins.submodels import BadScript, BadSubmodel, check, new, template
from lineshaft.twins.submodels.interface_mapping import Mapping, Script, Sink, Source, mappings_of, run, wired
from lineshaft.twins.submodels.interfaces import Described

EXAMPLE = """
function aimc_main(sources)
  local value_1 = sources["SourceId1"]
  local value_2 = sources["SourceId2"]
  return { SinkId1 = value_1 + value_2, SinkId2 = math.sqrt(value_1*value_1 + value_2*value_2) }
end
"""


def body(text: str) -> str:
    return f"function aimc_main(sources) {text} end"


def test_t64_the_example_of_the_specification_gives_7_and_5() -> None:
    assert Script(EXAMPLE).run({"SourceId1": 3.0, "SourceId2": 4.0}) == {"SinkId1": 7.0, "SinkId2": 5.0}


@pytest.mark.parametrize(
    "loop",
    [
        "while true do end",
        "local function f() return f() end return f()",
        "repeat local t = {} until false",
        "for i = 1, 1e18 do end",
        "goto on ::on:: goto on",
        "table.sort({3,2,1,5,4}, function(a, b) while true do end end)",
    ],
)
def test_t64_a_script_that_never_ends_is_stopped_within_100_ms(loop: str) -> None:
    script = Script(body(loop))
    began = time.process_time()
    with pytest.raises(BadScript, match=r"more than 1000000 instructions|longer than 0\.05 s|invalid order function"):
        script.run({})
    assert time.process_time() - began < 0.1


def test_t64_a_script_that_loops_while_it_is_loaded_is_stopped_too() -> None:
    with pytest.raises(BadScript, match=r"instructions|longer"):
        Script("while true do end").run({})


@pytest.mark.parametrize(
    "name",
    [
        "os", "io", "require", "python", "package", "debug", "load", "loadstring", "dofile", "loadfile", "pcall",
        "xpcall", "coroutine", "collectgarbage", "getmetatable", "setmetatable", "rawset", "rawget", "_G", "print",
        "string.rep", "string.find", "string.gsub", "string.match", "string.gmatch", "string.dump", "string.pack",
        "table.move", "math.random", "math.randomseed", "utf8", "warn",
    ],
)  # fmt: skip
def test_t64_nothing_that_reaches_outside_is_there(name: str) -> None:
    assert Script(body(f"return {{ There = {name} ~= nil }}")).run({}) == {"There": False}


@pytest.mark.parametrize("call", ['("x"):rep(9)', '("x"):find("x")', '("x"):gsub("x", "y")', '("").rep("x", 9)'])
def test_t64_the_methods_of_text_are_as_bounded_as_the_library(call: str) -> None:
    with pytest.raises(BadScript, match="attempt to call a nil value"):
        Script(body(f"return {{ A = {call} }}")).run({})


@pytest.mark.parametrize(
    "greedy",
    ['local s = "xxxxxxxxxxxxxxxx" while true do s = s .. s end', "local t = {} for i = 1, 1e9 do t[i] = {i} end"],
)
def test_t64_memory_is_bounded(greedy: str) -> None:
    with pytest.raises(BadScript, match="it takes too much memory"):
        Script(body(greedy)).run({})


def test_t64_library_calls_on_long_texts_are_stopped_within_100_ms_too() -> None:
    script = Script(body('local s = "x" for i = 1, 17 do s = s .. s end while true do local t = s:lower() end'))
    began = time.process_time()
    with pytest.raises(BadScript, match=r"it takes longer than 0\.05 s|instructions"):
        script.run({})
    assert time.process_time() - began < 0.1


def test_t64_a_script_that_ran_out_of_memory_works_again_afterwards() -> None:
    script = Script(
        body('if sources.A > 1 then local s = "xxxxxxxx" while true do s = s .. s end end return { B = 1 }')
    )
    with pytest.raises(BadScript, match="too much memory"):
        script.run({"A": 2})
    assert script.run({"A": 1}) == {"B": 1}


def test_t64_nothing_is_remembered_from_call_to_call() -> None:
    counting = Script("n = (n or 0) + 1\nfunction aimc_main(s) m = (m or 0) + 1 return { N = n, M = m } end")
    assert [counting.run({}) for _ in range(3)] == [{"N": 1, "M": 1}] * 3


@pytest.mark.parametrize("change", ["math.pi = 3", "string.lower = nil", "table.x = 1", "string.len = function() end"])
def test_t64_the_libraries_cannot_be_changed(change: str) -> None:
    with pytest.raises(BadScript, match="the libraries cannot be changed"):
        Script(body(f"{change} return {{ A = 1 }}")).run({})


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("function aimc_main(", "The transformation is not Lua"),
        ("\x1bLua", "The transformation is not Lua"),
        ("x" * 64_001, "The script has 64,001 characters"),
    ],
)
def test_a_script_that_is_no_lua_is_refused_when_it_is_made(code: str, says: str) -> None:
    with pytest.raises(BadScript, match=says):
        Script(code)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("x = 1", "it defines no aimc_main"),
        (body("return 5"), "returned float|returned int|returned number"),
        (body(""), "returned nothing, not a table of sinks"),
        (body("return { A = {} }"), "The sink 'A' is a table"),
        (body("return { 1, 2 }"), "The sink 1 is"),
        (body("return { A = sources.Missing + 1 }"), "attempt to perform arithmetic on a nil value"),
        (body('error("not today")'), "not today"),
    ],
)
def test_a_script_that_fails_says_why(code: str, says: str) -> None:
    with pytest.raises(BadScript, match=says):
        Script(code).run({})


def test_text_and_truth_pass_through() -> None:
    code = body("return { T = sources.T:upper(), B = not sources.B, I = sources.I // 2 }")
    assert Script(code).run({"T": "ab", "B": True, "I": 7}) == {"T": "AB", "B": False, "I": 3}


def mapping(sources: list[str], sinks: list[str], code: str = "", **more: Any) -> dict[str, Any]:
    place = "MappingConfigurations[0]"
    values: dict[str, Any] = {f"{place}.{name}": value for name, value in more.items()}
    values |= {f"{place}.Sources[{i}].SourceId": one for i, one in enumerate(sources)}
    values |= {f"{place}.Sinks[{i}].SinkId": one for i, one in enumerate(sinks)}
    if code:
        values[f"{place}.Transformation"] = base64.b64encode(code.encode()).decode()
    return new(template("interface_mapping"), "urn:aimc", values=values)


def test_a_mapping_with_a_script_is_read_and_run() -> None:
    made = mapping(["SourceId1", "SourceId2"], ["SinkId1", "SinkId2"], EXAMPLE, DefaultPollingInterval=0.5)
    assert check(made, template("interface_mapping")) == []
    assert metamodel.check(made) == []
    (found,) = mappings_of(made)
    assert [s.every for s in found.sources] == [timedelta(seconds=0.5)] * 2
    assert run(found, {"SourceId1": 3.0, "SourceId2": 4.0}) == {"SinkId1": 7.0, "SinkId2": 5.0}


def test_a_mapping_without_a_script_hands_values_on() -> None:
    (found,) = mappings_of(mapping(["A", "B"], ["B", "A"]))
    assert run(found, {"A": 1.0, "B": None, "C": 2.0}) == {"A": 1.0}


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (mapping(["A"], ["B"]), "have the same ids, but 'A' stands alone"),
        (mapping(["A", "A"], ["A"]), "two sources have the id 'A'"),
        (mapping([""], ["A"]), "every mapping needs a source"),
        (mapping(["A"], ["A"], DefaultPollingInterval=-1.0), "DefaultPollingInterval is '-1.0'"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(made: dict[str, Any], says: str) -> None:
    with pytest.raises(BadSubmodel, match=says):
        mappings_of(made)


def test_a_script_that_answers_for_another_sink_is_refused() -> None:
    (found,) = mappings_of(mapping(["A"], ["B"], body("return { C = 1 }")))
    with pytest.raises(BadSubmodel, match="answers for 'C', which is no sink"):
        run(found, {"A": 1})


def test_a_script_may_fail_in_any_way_and_is_told_in_a_sentence() -> None:
    for text in ("error({})", "error(nil)", "local function f() return 1 + f() end return f()", "return error"):
        with pytest.raises(BadScript, match=r"^The transformation failed|^aimc_main returned"):
            Script(body(text)).run({})


def pointing(submodel: str, *steps: tuple[str, str]) -> dict[str, Any]:
    keys = [{"type": "Submodel", "value": submodel}, *({"type": kind, "value": name} for kind, name in steps)]
    return {"type": "ModelReference", "keys": keys}


C, L, P = "SubmodelElementCollection", "SubmodelElementList", "Property"
VOLTAGE = pointing("urn:aid", (C, "Meter"), (C, "InteractionMetadata"), (C, "properties"), (C, "voltage"))


def meter(**more: Any) -> Described:
    tags = [{"path": "voltage", "address": "1!holding:0"}, {"path": "climate/humidity", "address": "1!holding:2"}]
    return Described(interface="Meter", connector="modbus", settings={"name": "meter", "tags": tags, **more})


def wiring(source: dict[str, Any], sink: dict[str, Any]) -> Mapping:
    return Mapping(name="m", sources=(Source(id="A", reference=source),), sinks=(Sink(id="A", reference=sink),))


def test_t64_sources_lead_to_the_series_that_hold_them_and_sinks_to_elements() -> None:
    sink = pointing("urn:twin", (C, "Phases"), (L, "Voltages"), (P, "2"))
    found = wired(wiring(VOLTAGE, sink), {"urn:aid": [meter(path="hall/meter")]}, organisation="acme")
    assert found.sources == {"A": "acme/hall/meter/voltage"}
    assert found.sinks == {"A": ("urn:twin", "Phases.Voltages[2]")}
    assert wired(wiring(VOLTAGE, sink), {"urn:aid": [meter()]}, organisation="acme").sources == {
        "A": "acme/meter/voltage"
    }


def test_a_value_inside_an_object_is_found_too() -> None:
    inner = pointing(
        "urn:aid", (C, "Meter"), (C, "InteractionMetadata"), (C, "properties"), (C, "climate"), (C, "properties"),
        (C, "humidity"),
    )  # fmt: skip
    found = wired(wiring(inner, VOLTAGE), {"urn:aid": [meter(path="acme/hall")]}, organisation="acme")
    assert found.sources == {"A": "acme/hall/climate/humidity"}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (pointing("urn:other", (C, "Meter"), (C, "properties"), (C, "voltage")), "no connection reads the source 'A'"),
        (pointing("urn:aid", (C, "Meter"), (C, "properties"), (C, "current")), "no connection reads the source 'A'"),
        (pointing("urn:aid"), "leads to no element of a submodel"),
        ({}, "leads to no element of a submodel"),
    ],
)
def test_a_source_nobody_reads_is_named(source: dict[str, Any], says: str) -> None:
    with pytest.raises(BadSubmodel, match=says):
        wired(wiring(source, VOLTAGE), {"urn:aid": [meter()]}, organisation="acme")
