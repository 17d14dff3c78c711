// Which instructions have a switch site behind them, by preset: the one rule that the instrumented loop and
// `minipy atomic` share. The sources are CPython's eval loops (CONCURRENCY.md). It knows instructions, not
// threads.
#pragma once
#include "lang/code_unit.h"
#include "vm/threads/semantics.h"

namespace mp {

// A CALL instruction; in CPython 3.10 and later the only ones with a check behind them besides jumps back and
// entries.
inline bool is_call(lang::Op base) {
  using lang::Op;
  return base == Op::CALL || base == Op::CALL_METHOD || base == Op::CALL_KW || base == Op::CALL_METHOD_KW ||
         base == Op::CALL_EX || base == Op::WITH_EXIT || base == Op::WITH_EXCEPT_START ||
         base == Op::LOAD_SUPER_ATTR || base == Op::LOAD_SUPER_METHOD;
}

// True when a switch may fall between this instruction and the next one that runs. What a callee does inside,
// jumps back and function entries are polled by the loop itself in every preset. After a return the caller's
// CALL is over.
inline bool switch_site_after(Semantics semantics, const lang::OpInfo& info) {
  using lang::Op;
  bool returned = info.base == Op::RETURN || info.base == Op::RETURN_CONST;
  switch (semantics) {
    case Semantics::Py27:
    case Semantics::EveryOp: return true;
    case Semantics::Py39: return returned || info.site != lang::SwitchSite::None;
    case Semantics::Py310: return returned || is_call(info.base);
    case Semantics::Py313:
    case Semantics::Py313t: break;
  }
  return false;  // 3.13: calls of natives poll by themselves, see NativeDef::switches
}

}  // namespace mp
