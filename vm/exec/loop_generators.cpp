// Generators that one loop alone names: `for x in numbers(): break`. CPython's reference counts end them
// where the loop is left, and their `finally` runs there; so must ours, and not at some collection. LoopTable
// holds those that have something to close, by the frame whose loop it is. It knows when a generator is made
// where nothing but a loop (or next(), or an iterator that a loop uses up) gets it; who may see one later
// forgets it (note_seen).
#include "vm/exec/loop_generators.h"

#include <array>
#include <mutex>

#include "vm/core/address_hash.h"
#include "vm/exec/interp.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/types/runtime.h"

namespace mp {

using lang::Instruction;
using lang::Op;

// A generator stays in the table until it has ended, was finalised or let go: all of them have a finalizer,
// so that none is freed before.
struct LoopTable {
  struct Entry {
    Entry* next;
    GeneratorObject* generator;
    const Frame* frame;
    uint32_t reg;
  };
  std::mutex mutex;  // taken without a GIL only
  static constexpr unsigned kBucketBits = 6;
  std::array<Entry*, 1 << kBucketBits> buckets{};
  Entry* spare = nullptr;

  Entry*& bucket(const Frame* frame) { return buckets[address_bucket<kBucketBits>(frame)]; }
  GeneratorObject* remove(Entry** place) {
    Entry* entry = *place;
    GeneratorObject* generator = entry->generator;
    *place = entry->next;
    entry->next = spare;
    spare = entry;
    generator->loop_frame = nullptr;
    return generator;
  }
  Entry* entry() {
    if (spare == nullptr) return new Entry;
    Entry* entry = spare;
    spare = entry->next;
    return entry;
  }
  static void drop(Entry* first) {
    while (first != nullptr) {
      Entry* entry = first;
      first = entry->next;
      delete entry;
    }
  }
  ~LoopTable() {
    for (Entry* first : buckets) drop(first);
    drop(spare);
  }
};

std::shared_ptr<LoopTable> make_loop_table() { return std::make_shared<LoopTable>(); }

namespace {

std::unique_lock<std::mutex> locked(Thread& t, LoopTable& table) {
  return free_threaded(t) ? std::unique_lock<std::mutex>(table.mutex) : std::unique_lock<std::mutex>();
}

void hold(Thread& t, GeneratorObject* g, Frame* frame, uint32_t reg) {
  for (;;) {
    if (!g->has_flag(kFlagHasFinalizer)) t.heap().register_script_finalizer(g);
    {
      LoopTable& table = *t.runtime().loop_table;
      auto guard = locked(t, table);
      LoopTable::Entry*& first = table.bucket(frame);
      LoopTable::Entry* entry = table.entry();
      *entry = {first, g, frame, reg};
      first = entry;
      g->loop_frame = frame;
    }
    g->unseen.store(true, std::memory_order_relaxed);
    frame->flags |= kFrameAttached;
    // A generator that loops over another one has something to close from now on.
    if ((frame->flags & kFrameGenerator) == 0 || frame->previous == nullptr) return;
    GeneratorObject* outer = frame->generator();
    if (outer->loop_frame != nullptr || !outer->unseen.load(std::memory_order_relaxed) ||
        outer->type() != t.types().generator)
      return;
    if (outer->held_by_call)
      reg = frame->return_register;
    else if ((frame->flags & (kFrameForIter | kFrameDelegate)) != 0)
      reg = frame->previous->pc->b;
    else
      return;
    g = outer;
    frame = frame->previous;
  }
}

enum class Holder : uint8_t { Temporary, Call };
// One without anything to close yet is only marked.
void hold_or_mark(Thread& t, GeneratorObject* g, Frame* frame, uint32_t reg, Holder holder) {
  if (g->has_flag(kFlagHasFinalizer) || (g->frame.flags & kFrameAttached) != 0) return hold(t, g, frame, reg);
  g->unseen.store(true, std::memory_order_relaxed);
  g->held_by_call = holder == Holder::Call;
  g->frame.return_register = static_cast<uint16_t>(reg);
}

bool is_adapter(Value callee) {
  return is_type(callee) && callee.as<Type>()->has(kTypeAdapter) && !callee.as<Type>()->has(kTypeHeap);
}
// Whether nobody can get at an argument of this callable through it once it has returned. list(numbers())
// ends numbers() itself, list(islice(numbers(), 3)) does not.
bool uses_up(Thread& t, Value callee, bool adapted) {
  if (is_kind(callee, Kind::NativeFunction)) return callee.as<NativeFunctionObject>()->def->lets_go;
  BuiltinTypes& types = t.types();
  return adapted &&
         (callee == types.list || callee == types.tuple || callee == types.set || callee == types.dict);
}

// The entry of this frame with the highest register, from `first` on; or `wanted`'s. Null: none.
GeneratorObject* take(Thread& t, const Frame* frame, uint32_t first, const GeneratorObject* wanted) {
  LoopTable& table = *t.runtime().loop_table;
  auto guard = locked(t, table);
  LoopTable::Entry** found = nullptr;
  for (LoopTable::Entry** place = &table.bucket(frame); *place != nullptr; place = &(*place)->next) {
    LoopTable::Entry* entry = *place;
    if (wanted != nullptr ? entry->generator != wanted : entry->frame != frame || entry->reg < first)
      continue;
    if (found == nullptr || entry->reg > (*found)->reg) found = place;
  }
  return found == nullptr ? nullptr : table.remove(found);
}

void close_held(Thread& t, GeneratorObject* g) {
  bool unseen = g->unseen.exchange(false, std::memory_order_relaxed);
  if (!unseen || g->has_flag(kFlagFinalized)) return;
  g->set_flag(kFlagFinalized);
  (void)finalize_generator(t, g);  // it tells of its errors itself
}

}  // namespace

void hold_unnamed(Thread& t, GeneratorObject* g, const Frame* made) {
  Frame* user = made->previous;
  uint32_t reg = made->return_register;
  const Instruction* next = user->pc + made->return_length;
  for (;;) {
    Op op = next->opcode();
    if (op == Op::MOVE && next->b == reg && next->a >= user->code->first_temporary)
      reg = next->a;
    else if (op != Op::LOAD_CONST && op != Op::LOAD_INT && op != Op::LOAD_NONE)
      break;
    else if (next->a <= reg)
      return;
    next += lang::op_info(op).length();
  }
  const lang::OpInfo* info = &lang::op_info(next->opcode());
  bool adapted = false;
  while (info->base == Op::CALL || info->base == Op::CALL_METHOD) {
    uint32_t first = next->b + 2u;
    Value callee = user->registers[next->b];
    Value self = info->base == Op::CALL ? kEmpty : user->registers[next->b + 1];
    if (reg < first || reg >= first + next->c || !self.is_empty()) return;
    if (uses_up(t, callee, adapted)) return hold_or_mark(t, g, user, reg, Holder::Call);
    if (!is_adapter(callee) || next->a < user->code->first_temporary) return;
    adapted = true;
    reg = next->a;
    next += info->length();
    info = &lang::op_info(next->opcode());
  }
  if (next->b != reg) return;
  switch (info->base) {
    case Op::GET_ITER:
    case Op::GET_AITER:
      // The argument of a generator expression: its frame will have it (adopt_argument).
      if (next->aux != 0 && !adapted) return g->unseen.store(true, std::memory_order_relaxed);
      [[fallthrough]];
    case Op::GET_YIELD_FROM_ITER:
      if (next->aux == 0) hold_or_mark(t, g, user, next->a, adapted ? Holder::Call : Holder::Temporary);
      return;
    default: return;
  }
}

void hold_made_by_iter(Thread& t, Frame* frame, const Instruction* pc, Value iterable, Value iterator,
                       StrObject* method) {
  if (iterator == iterable || pc->aux != 0 || !is_kind(iterator, Kind::Generator)) return;
  auto* g = iterator.as<GeneratorObject>();
  Value function = type_lookup(t, type_of(t, iterable), method);
  if (!is_kind(function, Kind::Function) || function.as<FunctionObject>()->code != g->frame.code ||
      g->state.load(std::memory_order_relaxed) != GeneratorState::Created)
    return;
  hold_or_mark(t, g, frame, pc->a, Holder::Temporary);
}

void adopt_generator(Thread& t, GeneratorObject* g) {
  auto* argument = g->registers()[0].as<GeneratorObject>();
  if (argument->unseen.load(std::memory_order_relaxed) && argument->loop_frame == nullptr &&
      argument->has_flag(kFlagHasFinalizer))
    hold(t, argument, &g->frame, 0);
}

void let_go(Thread& t, GeneratorObject* g) {
  g->unseen.store(false, std::memory_order_relaxed);
  if (const Frame* frame = g->loop_frame; frame != nullptr) take(t, frame, 0, g);
}

void close_loops(Thread& t, const Frame* frame, uint32_t first) {
  Value pending{};
  bool any = false;
  while (GeneratorObject* g = take(t, frame, first, nullptr)) {
    if (!any) pending = t.take_exception();
    any = true;
    close_held(t, g);
  }
  if (any) t.restore_exception(pending);
}

void drop_held(Thread& t, Value v) {
  if (!is_kind(v, Kind::Generator)) return;
  auto* g = v.as<GeneratorObject>();
  if (g->loop_frame == nullptr || take(t, g->loop_frame, 0, g) == nullptr) return;
  Value pending = t.take_exception();
  close_held(t, g);
  t.restore_exception(pending);
}

}  // namespace mp
