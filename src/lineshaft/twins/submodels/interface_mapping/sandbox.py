"""Runs transformation scripts in Lua where they can do nothing but compute.

    function aimc_main(sources)                        entry point, IDTA 02027-2-0, element Transformation
      return { Sum = sources["A"] + sources["B"] }
    end

What a script is held to: no files, processes, modules or Python; a number of instructions and of bytes; nothing
kept from one call to the next. A script cannot catch its own end, because `pcall` and coroutines are not there, nor
can it hide in a long library call: functions that search patterns or repeat text are left out, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import lupa
from lupa import LuaRuntime

from lineshaft.twins.submodels.errors import BadScript

Scalar: TypeAlias = float | int | bool | str

INSTRUCTIONS = 1_000_000
"""About 10 ms of Lua."""
SECONDS = 0.05
"""Of processor time: a library call counts as one instruction, however long its text."""
MEMORY_BYTES = 1_000_000
"""So small that no single library call on text takes long."""
_LONGEST_SCRIPT = 64_000
_MOST_RESULTS = 1_000

_GUARD = """
local limit, seconds = ...
local step = 100
local keep = { debug = debug, load = load, setmetatable = setmetatable, error = error, clock = os.clock }
local function only(from, names)
  local kept = {}
  for name in names:gmatch("%S+") do kept[name] = from[name] end
  return kept
end
local safe = only(_G, "assert error ipairs next pairs select tonumber tostring type")
safe.math = only(math, "abs acos asin atan ceil cos deg exp floor fmod huge log max maxinteger min mininteger modf pi "
  .. "rad sin sqrt tan tointeger type ult")
safe.string = only(string, "byte char len lower reverse sub upper format")
safe.table = only(table, "concat insert remove sort unpack")
local format = string.format
safe.string.format = function(pattern, ...)
  if #pattern > 200 then keep.error("the format is longer than 200 characters", 0) end
  return format(pattern, ...)
end
local forbidden = function() keep.error("the libraries cannot be changed", 0) end
for name, part in pairs(safe) do
  if type(part) == "table" then
    safe[name] = keep.setmetatable({}, { __index = part, __newindex = forbidden, __metatable = false })
  end
end
for name in pairs(string) do if safe.string[name] == nil then string[name] = nil end end
string.format = safe.string.format
for name in pairs(_G) do if name ~= "_G" then _G[name] = nil end end

return function(code, sources)
  local world = keep.setmetatable({}, { __index = safe, __metatable = false })
  local left, ends = limit, keep.clock() + seconds
  local spend = function()
    left = left - step
    if keep.clock() > ends then keep.error("it takes longer than " .. seconds .. " s", 0) end
    if left <= 0 then keep.error("it takes more than " .. limit .. " instructions", 0) end
  end
  local chunk, fault = keep.load(code, "transformation", "t", world)
  if not chunk then keep.error(fault, 0) end
  keep.debug.sethook(spend, "", step)
  chunk()
  if world.aimc_main == nil then keep.error("it defines no aimc_main", 0) end
  local answer = world.aimc_main(sources)
  keep.debug.sethook()
  return answer
end
"""


class Script:
    """One script, checked when made; `run` may be called any number of times and remembers nothing."""

    def __init__(self, code: str, *, instructions: int = INSTRUCTIONS, memory_bytes: int = MEMORY_BYTES) -> None:
        """BadScript when the text is no Lua, or is longer than 64,000 characters."""
        if len(code) > _LONGEST_SCRIPT:
            raise BadScript(f"The script has {len(code):,} characters; at most {_LONGEST_SCRIPT:,} are taken.")
        self._code = code
        self._instructions = instructions
        self._memory_bytes = memory_bytes
        self._call, self._table = self._make()
        self._compile()

    def run(self, sources: Mapping[str, Scalar | None]) -> dict[str, Scalar]:
        """The sinks for these sources; BadScript says what went wrong, and the next call starts afresh."""
        try:
            answer = self._call(self._code, self._table(dict(sources)))
            return _results(answer)
        except (lupa.LuaError, lupa.LuaMemoryError, MemoryError, UnicodeError) as error:
            self._call, self._table = self._make()
            raise BadScript(f"The transformation failed: {_said(error)}.") from error

    def _make(self) -> tuple[Any, Any]:
        lua = LuaRuntime(
            register_eval=False,
            register_builtins=False,
            unpack_returned_tuples=True,
            attribute_filter=_nothing,
            max_memory=self._memory_bytes,
        )
        table = lua.table_from
        return lua.execute(_GUARD, self._instructions, SECONDS), table

    def _compile(self) -> None:
        """Read it once without a call, so that a mistake is told when the script is saved."""
        lua = LuaRuntime(register_eval=False, register_builtins=False, max_memory=self._memory_bytes)
        try:
            fault = lua.execute("local _, fault = load(..., 'transformation', 't', {}); return fault", self._code)
        except (lupa.LuaError, lupa.LuaMemoryError, UnicodeError) as error:
            fault = _said(error)
        if fault:
            raise BadScript(f"The transformation is not Lua: {fault}.")


def _nothing(_object: object, _name: object, _is_setting: bool) -> str:
    raise AttributeError("not there")


def _results(answer: Any) -> dict[str, Scalar]:
    if lupa.lua_type(answer) != "table":
        what = lupa.lua_type(answer) or type(answer).__name__
        raise BadScript(f"aimc_main returned {'nothing' if answer is None else what}, not a table of sinks.")
    found: dict[str, Scalar] = {}
    for name, value in answer.items():
        if len(found) >= _MOST_RESULTS:
            raise BadScript(f"aimc_main returned more than {_MOST_RESULTS:,} sinks.")
        if not isinstance(name, str) or not isinstance(value, float | int | bool | str):
            raise BadScript(f"The sink {name!r} is a {lupa.lua_type(value) or 'value'}, not a single value.")
        found[name] = value
    return found


def _said(error: BaseException) -> str:
    """The first line of what Lua said, without the place in our own guard."""
    text = str(error).splitlines()[0] if str(error) else ""
    if isinstance(error, lupa.LuaMemoryError | MemoryError) or "not enough memory" in text:
        return "it takes too much memory"
    return text.removesuffix(".") or "it stopped"
