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

// What the loop itself polls in every preset: behind calls (unless the callee has no site, see
// NativeDef::switches), at jumps back, and when a generator goes on. Function entries are polled as well;
// they are no instruction. An entry stands for the site of the call of a script function.
inline bool loop_polls(const lang::OpInfo& info, bool quiet_callee) {
  using lang::Op;
  switch (info.base) {
    case Op::CALL:
    case Op::CALL_METHOD: return !quiet_callee;
    case Op::CALL_KW:
    case Op::CALL_METHOD_KW:
    case Op::CALL_EX:
    case Op::YIELD:
    case Op::YIELD_FROM: return true;
    default: return info.site == lang::SwitchSite::Back;
  }
}

// True when a switch may fall between this instruction and the next one that runs, beyond what the loop polls
// itself. After a return the caller's CALL is over.
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
