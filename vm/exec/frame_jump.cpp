// Jumps of a debugger: f_lineno = N. A jump is possible where every temporary that the code there reads is in
// use here, for the same purpose.
#include <algorithm>
#include <bit>

#include "lang/liveness.h"
#include "lang/operands.h"
#include "vm/exec/code_data.h"
#include "vm/exec/interp.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/thread.h"
#include "vm/types/exception.h"

namespace mp {

namespace {

using lang::Op;

// The temporaries that are read from `word` on before they are written, the instruction there included.
uint64_t read_from(const CodeObject* code, uint32_t word) {
  const lang::Instruction i = code->unit->instruction(word);
  const lang::OpInfo& info = lang::op_info(i.opcode());
  const lang::Operand kinds[] = {info.a, info.b, info.c};
  const uint32_t registers[] = {i.a, i.b, i.c};
  uint64_t read = 0, written = 0;
  for (int k = 0; k < 3; ++k) {
    auto bit = [&](int n) {
      uint32_t temporary = registers[k] + static_cast<uint32_t>(n) - code->first_temporary;
      return temporary < lang::kTrackedTemporaries ? uint64_t{1} << temporary : 0;
    };
    for (int n = 0; n < lang::read_count(kinds[k], i); ++n) read |= bit(n);
    for (int n = 0; n < lang::write_count(kinds[k], i); ++n) written |= bit(n);
  }
  return lang::live_temporaries(*code->unit, word, lang::Progress::Unknown) & ~(written & ~read);
}

// Whether the temporaries that the code at `to` reads are those of the code at `from`: they are when no
// instruction in between leaves one of them dead.
bool same_temporaries(const CodeObject* code, uint32_t from, uint32_t to) {
  if (code->unit->live_at(to) > code->first_temporary + lang::kTrackedTemporaries) return false;
  uint64_t needed = read_from(code, to);
  if (needed == 0) return true;
  for (uint32_t word = 0; word < code->word_count;
       word += static_cast<uint32_t>(lang::op_info(code->unit->instruction(word).opcode()).length())) {
    if (word < std::min(from, to) || word > std::max(from, to)) continue;
    if ((read_from(code, word) & needed) != needed) return false;
  }
  return true;
}

// What a temporary holds between two statements.
enum class Held : uint8_t { Other, Iterator, Exit, Exception, Handled };

struct Temporaries {
  Held held[lang::kTrackedTemporaries] = {};
};

// By who wrote them last in the order of the code, which is that of the source but for what runs rarely.
Temporaries temporaries_at(const CodeObject* code, uint32_t at) {
  Temporaries all;
  for (uint32_t word = 0; word < at;) {
    const lang::Instruction i = code->unit->instruction(word);
    const lang::OpInfo& info = lang::op_info(i.opcode());
    auto hold = [&](uint32_t reg, Held held) {
      if (reg >= code->first_temporary && reg - code->first_temporary < lang::kTrackedTemporaries)
        all.held[reg - code->first_temporary] = held;
    };
    const lang::Operand kinds[] = {info.a, info.b, info.c};
    const uint32_t registers[] = {i.a, i.b, i.c};
    for (int k = 0; k < 3; ++k)
      for (int n = 0; n < lang::write_count(kinds[k], i); ++n)
        hold(registers[k] + static_cast<uint32_t>(n), Held::Other);
    switch (info.base) {
      case Op::GET_ITER:
      case Op::GET_AITER: hold(i.a, Held::Iterator); break;
      case Op::BEFORE_WITH:
      case Op::BEFORE_ASYNC_WITH: hold(i.c, Held::Exit); break;
      case Op::PUSH_EXC:
        hold(i.a, Held::Handled);
        hold(i.b, Held::Exception);
        break;
      default: break;
    }
    word += static_cast<uint32_t>(info.length());
  }
  return all;
}

bool fits(const Frame* frame, uint32_t temporary, Held held) {
  Value v = frame->registers[frame->code->first_temporary + temporary];
  switch (held) {
    case Held::Other: return false;
    case Held::Iterator:
    case Held::Exit: return !v.is_empty();
    case Held::Exception: return is_exception(v);
    case Held::Handled: return v.is_none() || is_exception(v);
  }
  return false;
}

// Null: the frame may go on at `to`.
const char* why_not(const Frame* frame, uint32_t to) {
  const CodeObject* code = frame->code;
  uint32_t here = frame->word();
  if (code->unit->instruction(to).opcode() != Op::PUSH_EXC && same_temporaries(code, here, to))
    return nullptr;
  // From a line's mark the code goes on elsewhere.
  auto place = [&](uint32_t word) {
    while (lang::is_line_mark(code->unit->instruction(word))) word = lang::jump_target(*code->unit, word);
    return word;
  };
  Temporaries source = temporaries_at(code, place(here)), target = temporaries_at(code, place(to));
  uint64_t live = read_from(code, here), needed = read_from(code, to);
  bool tracked = code->unit->live_at(to) <= code->first_temporary + lang::kTrackedTemporaries;
  for (int i = static_cast<int>(lang::kTrackedTemporaries) - 1; i >= 0; --i) {
    if ((needed >> i & 1) == 0) continue;
    Held held = target.held[i];
    if (tracked && (live >> i & 1) != 0 && source.held[i] == held &&
        fits(frame, static_cast<uint32_t>(i), held))
      continue;
    switch (held) {
      case Held::Exception:
      case Held::Handled: return "can't jump into an 'except' block as there's no exception";
      case Held::Iterator: return "can't jump into the body of a for loop";
      default: return "incompatible stacks";
    }
  }
  return tracked && code->unit->instruction(to).opcode() != Op::PUSH_EXC
             ? nullptr
             : "can't jump into an 'except' block as there's no exception";
}

// The exceptions of the handlers that the jump leaves are no longer the handled ones.
void leave_handlers(Thread& t, Frame* frame, uint32_t to) {
  const CodeObject* code = frame->code;
  Temporaries source = temporaries_at(code, frame->word());
  uint64_t left = read_from(code, frame->word()) & ~read_from(code, to);
  for (int i = static_cast<int>(lang::kTrackedTemporaries) - 1; i >= 0; --i) {
    if ((left >> i & 1) == 0 || source.held[i] != Held::Handled) continue;
    Value before = frame->registers[code->first_temporary + static_cast<uint32_t>(i)];
    if (fits(frame, static_cast<uint32_t>(i), Held::Handled))
      t.handled->value = before.is_none() ? kEmpty : before;
  }
}

// Behind an assignment that the jump skips the code reads the variable without a check.
Status fill_unbound(Thread& t, const Frame* frame) {
  Value *first = frame->registers, *last = first + frame->code->local_count;
  auto is_unbound = [](Value v) { return v.is_empty(); };
  auto count = std::count_if(first, last, is_unbound);
  if (count == 0) return {};
  TRY(warn(t, Exc::RuntimeWarning,
           fmt::format("assigning None to {} unbound local{}", count, count == 1 ? "" : "s")));
  std::replace_if(first, last, is_unbound, kNone);
  return {};
}

}  // namespace

Status jump_to_line(Thread& t, FrameObject* f, int64_t line) {
  switch (f->frame == nullptr ? 0 : f->event) {
    case 'l': break;
    case 'c': return t.raise(Exc::ValueError, "can't jump from the 'call' trace event of a new frame");
    case 0: return t.raise(Exc::ValueError, "f_lineno can only be set in a trace function");
    default: return t.raise(Exc::ValueError, "can only jump from a 'line' trace event");
  }
  CodeObject* code = f->frame->code;
  if (line < code->first_line)
    return t.raise(Exc::ValueError, "line {} comes before the current code block", line);
  const std::vector<LineEntry>& lines = code_lines(code);
  int64_t target = INT64_MAX;
  for (const LineEntry& entry : lines)
    if (entry.line >= line) target = std::min<int64_t>(target, entry.line);
  if (target == INT64_MAX)
    return t.raise(Exc::ValueError, "line {} comes after the current code block", line);
  // Of several copies of a line (in a finally part) the one that gives up least.
  const char* problem = nullptr;
  const LineEntry* best = nullptr;
  int most = -1;
  for (const LineEntry& entry : lines) {
    if (entry.line != target) continue;
    const char* why = why_not(f->frame, entry.start);
    if (why != nullptr) {
      if (problem == nullptr) problem = why;
      continue;
    }
    int kept = std::popcount(read_from(code, entry.start));
    if (kept > most) {
      best = &entry;
      most = kept;
    }
  }
  if (best == nullptr) return t.raise_text(Exc::ValueError, problem);
  TRY(fill_unbound(t, f->frame));
  leave_handlers(t, f->frame, best->start);
  f->frame->pc = code->instructions + best->start;
  f->traced_line = best->line;  // the line there has been told by the jump
  return {};
}

}  // namespace mp
