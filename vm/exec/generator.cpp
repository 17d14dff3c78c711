// Generators and coroutines: making, sending, throwing, closing, and the warning of those that nobody
// awaited. Their types are in generator_types.cpp, async generators' awaitables in async_generator.cpp.
#include "vm/exec/generator.h"

#include <cstring>

#include "vm/exec/interp.h"
#include "vm/exec/loop_generators.h"
#include "vm/exec/ops.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

using lang::Op;

namespace {

GeneratorObject* self(Value v) { return v.as<GeneratorObject>(); }

const char* kind_text(GeneratorObject* g) {
  return is_coroutine_code(g) ? "coroutine" : is_async_code(g) ? "async generator" : "generator";
}

// Of a generator that is suspended, or was until this thread claimed it.
Value delegate_in(GeneratorObject* g) {
  const lang::Instruction* pc = g->frame.pc;
  Op op = pc->opcode();
  return op == Op::YIELD_FROM || op == Op::AWAIT ? g->frame.registers[pc->b] : kEmpty;
}

// Makes the generator this thread's to run; with the GIL off two threads may try, and one is told that it is
// already executing.
Status claim(Thread& t, GeneratorObject* g, GeneratorState seen) {
  if (!free_threaded(t))
    g->state.store(GeneratorState::Running, std::memory_order_relaxed);
  else if (!g->state.compare_exchange_strong(seen, GeneratorState::Running, std::memory_order_acq_rel))
    return t.raise(Exc::ValueError, "{} already executing", kind_text(g));
  return {};
}

// The frame of a claimed generator becomes the thread's.
void enter(Thread& t, GeneratorObject* g) {
  ++t.recursion_depth;
  g->handled.previous = t.handled;
  t.handled = &g->handled;
  g->frame.previous = t.frame;
  g->frame.flags = static_cast<uint8_t>((g->frame.flags & kFrameAttached) | kFrameGenerator | kFrameEntry);
  t.frame = &g->frame;
}

// Runs a claimed generator from where it stands; `value` is the outcome of the instruction it is suspended
// in, or the exception is current.
SendStatus run_generator(Thread& t, GeneratorObject* g, bool throwing, Value* result) {
  enter(t, g);
  Value v = execute(t, &g->frame, throwing);
  if (v.is_error()) return SendStatus::Error;
  *result = v;
  if (g->state.load(std::memory_order_relaxed) == GeneratorState::Finished) return SendStatus::Return;
  // Only now may another thread have it: the interpreter leaves an entry frame's generator as running.
  g->state.store(GeneratorState::Suspended, std::memory_order_release);
  return SendStatus::Next;
}

Status check_resumable(Thread& t, GeneratorObject* g) {
  if (g->state.load(std::memory_order_relaxed) == GeneratorState::Running)
    return t.raise(Exc::ValueError, "{} already executing", kind_text(g));
  if (t.recursion_depth >= t.runtime().recursion_limit.load(std::memory_order_relaxed))
    return ops::recursion_error(t);
  return {};
}

// Ends a generator that never ran or will not run again.
void finish(Thread& t, GeneratorObject* g) {
  let_go(t, g);
  g->state.store(GeneratorState::Finished, std::memory_order_release);
  g->frame.previous = nullptr;
}

// What is put into the frame before it goes on: the value sent is the result of the instruction it waits in.
void deliver(GeneratorObject* g, Value sent, bool delegate_done) {
  Frame& frame = g->frame;
  switch (frame.pc->opcode()) {
    case Op::YIELD:
      frame.registers[frame.pc->a] = sent;
      ++frame.pc;
      break;
    case Op::YIELD_FROM:
    case Op::AWAIT:
      frame.registers[frame.pc->a] = sent;
      if (delegate_done) ++frame.pc;
      break;
    default: ++frame.pc;  // RETURN_GENERATOR
  }
}

Status close_delegate(Thread& t, Value delegate) {
  if (is_kind(delegate, Kind::Generator) && delegate.as_object()->type() != t.types().async_generator) {
    TRY(generator_close(t, self(delegate)));
    return {};
  }
  Result<Value> method = get_attr_or_not_found(t, delegate, t.names().close);
  if (method.is_error()) {
    write_unraisable(t, nullptr, delegate);
    return {};
  }
  if (!method.value().is_not_found()) TRY(call(t, method.value()));
  return {};
}

}  // namespace

bool is_coroutine(Thread& t, Value v) {
  if (!is_kind(v, Kind::Generator)) return false;
  return v.as_object()->type() == t.types().coroutine ||
         (v.as_object()->type() == t.types().generator &&
          (self(v)->frame.code->flags & lang::kCodeIterableCoroutine) != 0);
}

Error raise_stop_iteration(Thread& t, Value value) {
  Value e = make_exception(t, Exc::StopIteration, value.is_none() ? kEmpty : value);
  if (is_exception(e)) e.as<ExceptionObject>()->fields[0] = value;
  return t.raise_object(e);
}

Value delegate_of(GeneratorObject* g) {
  return g->state.load(std::memory_order_acquire) == GeneratorState::Suspended ? delegate_in(g) : kEmpty;
}
Value generator_delegate(Thread& t, GeneratorObject* g) {
  Value d;
  {
    Exclusive alone(t);  // another thread may resume it
    d = delegate_of(g);
  }
  if (d.is_object()) {
    note_seen(d.as_object());
    note_awaited(t, d);
  }
  return d.is_empty() ? kNone : d;
}
bool is_awaiting(GeneratorObject* g) { return !delegate_of(g).is_empty(); }
void note_seen(Object* object) {
  if (object->kind() == Kind::Generator)
    static_cast<GeneratorObject*>(object)->unseen.store(false, std::memory_order_relaxed);
  if (object->kind() == Kind::Code) static_cast<CodeObject*>(object)->spare_generators = nullptr;
}

static GeneratorObject* new_generator(Thread& t, CodeObject* code) {
  BuiltinTypes& types = t.types();
  bool coroutine = (code->flags & lang::kCodeCoroutine) != 0;
  bool async_generator = (code->flags & lang::kCodeAsyncGenerator) != 0;
  Type* type = coroutine ? types.coroutine : async_generator ? types.async_generator : types.generator;
  return t.heap().make<GeneratorObject>(
      t, type, code->register_count * sizeof(Value) + (coroutine ? sizeof(CreationSite) : 0));
}
// The frame and what the function has put into its variables.
static void move_frame_in(GeneratorObject* g, Frame* frame) {
  CodeObject* code = frame->code;
  g->frame = *frame;
  g->frame.registers = g->registers();
  g->frame.previous = nullptr;
  g->frame.flags = kFrameGenerator;
  std::memcpy(static_cast<void*>(g->registers()), frame->registers, code->first_temporary * sizeof(Value));
  g->name = frame->function != nullptr ? frame->function->name : code->name;
  g->qualified_name = frame->function != nullptr ? frame->function->qualified_name : code->qualified_name;
}

GeneratorObject* make_unseen_generator(Thread& t, Frame* frame) {
  CodeObject* code = frame->code;
  GeneratorObject* g = free_threaded(t) ? nullptr : code->spare_generators;
  if (g == nullptr) {
    g = new_generator(t, code);
  } else {
    code->spare_generators = g->frame.previous == nullptr ? nullptr : g->frame.previous->generator();
    g->state.store(GeneratorState::Created, std::memory_order_relaxed);
    std::memset(static_cast<void*>(g->registers() + code->first_temporary), 0,
                (code->register_count - code->first_temporary) * sizeof(Value));
  }
  move_frame_in(g, frame);
  g->unseen.store(true, std::memory_order_relaxed);
  g->reusable = true;
  adopt_argument(t, g);
  if ((g->frame.flags & kFrameAttached) != 0) hold_fresh(t, g, frame);
  return g;
}

Result<Value> make_generator(Thread& t, Frame* frame) {
  CodeObject* code = frame->code;
  bool coroutine = (code->flags & lang::kCodeCoroutine) != 0;
  bool async_generator = (code->flags & lang::kCodeAsyncGenerator) != 0;
  GeneratorObject* g = new_generator(t, code);
  move_frame_in(g, frame);
  adopt_argument(t, g);
  if (frame->frame_object != nullptr) {
    g->frame.frame_object->frame = &g->frame;
    g->frame.frame_object->generator = Value(g);
    g->frame.flags |= kFrameAttached;
    frame->frame_object = nullptr;
    frame->flags &= static_cast<uint8_t>(~kFrameAttached);
  }
  if (coroutine) {
    set_creation_site(creation_site(g), frame->previous);
    if (t.coroutine_origin_depth > 0) {
      ListObject* origin = make_list(t);
      int depth = 0;
      for (Frame* f = frame->previous; f != nullptr && depth < t.coroutine_origin_depth;
           f = f->previous, ++depth) {
        Value item =
            make_tuple(t, {f->code->filename, make_int(t, code_line(f->code, f->word())), f->code->name});
        TRY(list_append(t, origin, item));
      }
      g->origin = Value(list_to_tuple(t, origin));
    }
    t.heap().register_script_finalizer(g);
  } else {
    if (async_generator || !code->unit->exceptions.empty()) t.heap().register_script_finalizer(g);
    hold_fresh(t, g, frame);
  }
  return g;
}

SendStatus generator_resume(Thread& t, GeneratorObject* g, Value sent, bool throwing, Value* result) {
  GeneratorState state = g->state.load(std::memory_order_relaxed);
  if (state == GeneratorState::Created && !throwing && !sent.is_none()) {
    t.raise(Exc::TypeError, "can't send non-None value to a just-started {}", kind_text(g));
    return SendStatus::Error;
  }
  if (state == GeneratorState::Finished) {
    if (is_coroutine_code(g)) {
      t.raise(Exc::RuntimeError, "cannot reuse already awaited coroutine");
      return SendStatus::Error;
    }
    if (throwing) return SendStatus::Error;
    *result = kNone;
    return SendStatus::Return;
  }
  if (check_resumable(t, g).is_error() || claim(t, g, state).is_error()) return SendStatus::Error;
  if (!throwing) deliver(g, sent, false);
  return run_generator(t, g, throwing, result);
}

// The context of a thrown exception is what the generator itself is handling; the caller's does not count.
static void raise_in(Thread& t, GeneratorObject* g, Value exception) {
  if (g->handled.value.get().is_empty()) {
    t.restore_exception(exception);
    return;
  }
  g->handled.previous = t.handled;
  t.handled = &g->handled;
  t.raise_object(exception);
  t.handled = g->handled.previous;
}

SendStatus generator_throw(Thread& t, GeneratorObject* g, Value exception, Value* result) {
  if (t.check_stack().is_error()) return SendStatus::Error;
  GeneratorState state = g->state.load(std::memory_order_acquire);
  if (state == GeneratorState::Finished) {
    if (is_coroutine_code(g))
      t.raise(Exc::RuntimeError, "cannot reuse already awaited coroutine");
    else
      t.raise_object(exception);
    return SendStatus::Error;
  }
  if (check_resumable(t, g).is_error() || claim(t, g, state).is_error()) return SendStatus::Error;
  Value delegate = state == GeneratorState::Suspended ? delegate_in(g) : kEmpty;
  if (!delegate.is_empty()) {
    SendStatus status = SendStatus::Error;
    Value out;
    // The delegate runs with this generator marked as running, and on its stack of handled exceptions' owner.
    if (is_exception_of(t, exception, Exc::GeneratorExit)) {
      Status closed = close_delegate(t, delegate);
      if (closed.is_error()) return run_generator(t, g, true, result);
      t.raise_object(exception);
      return run_generator(t, g, true, result);
    }
    bool direct =
        is_kind(delegate, Kind::Generator) && delegate.as_object()->type() != t.types().async_generator;
    Value method{};
    if (!direct) {
      method = get_attr_or_not_found(t, delegate, t.names().throw_).take();
      if (method.is_error()) {
        g->state.store(GeneratorState::Suspended, std::memory_order_release);
        return SendStatus::Error;
      }
    }
    if (direct || !method.is_not_found()) {
      if (direct) {
        // f_back of the delegate's frame is this generator's frame.
        g->frame.previous = t.frame;
        t.frame = &g->frame;
        status = generator_throw(t, self(delegate), exception, &out);
        t.frame = g->frame.previous;
        g->frame.previous = nullptr;
      } else {
        out = call(t, method, {exception}).take();
        if (!out.is_error()) {
          status = SendStatus::Next;
        } else if (t.exception_matches(Exc::StopIteration)) {
          Value stop = t.take_exception();
          out = stop.as<ExceptionObject>()->fields[0];
          if (out.is_empty()) out = kNone;
          status = SendStatus::Return;
        }
      }
      switch (status) {
        case SendStatus::Next:
          *result = out;
          g->state.store(GeneratorState::Suspended, std::memory_order_release);
          return SendStatus::Next;
        case SendStatus::Return: deliver(g, out, true); return run_generator(t, g, false, result);
        case SendStatus::Error: raise_in(t, g, t.take_exception()); return run_generator(t, g, true, result);
      }
    }
  }
  raise_in(t, g, exception);
  return run_generator(t, g, true, result);
}

Result<Value> generator_close(Thread& t, GeneratorObject* g) {
  GeneratorState state = g->state.load(std::memory_order_relaxed);
  if (state == GeneratorState::Created) {
    TRY(claim(t, g, state));
    finish(t, g);
    return kNone;
  }
  if (state == GeneratorState::Finished) return kNone;
  TRY(check_resumable(t, g));
  TRY(claim(t, g, state));
  Value delegate = delegate_in(g);
  if (delegate.is_empty() && g->frame.code->unit->handler_at(g->frame.word()) == nullptr) {
    // As in CPython, nothing runs where nothing handles GeneratorExit.
    enter(t, g);
    ops::leave_frame(t, &g->frame);
    return kNone;
  }
  bool failed = !delegate.is_empty() && close_delegate(t, delegate).is_error();
  if (!failed) {
    raise_in(t, g, make_exception(t, Exc::GeneratorExit, kEmpty));
  }
  Value out;
  switch (run_generator(t, g, true, &out)) {
    case SendStatus::Next: return t.raise(Exc::RuntimeError, "{} ignored GeneratorExit", kind_text(g));
    case SendStatus::Return: return out;
    case SendStatus::Error: break;
  }
  if (t.catch_exception(Exc::StopIteration) || t.catch_exception(Exc::GeneratorExit)) return kNone;
  return Error{};
}

SendStatus send_to(Thread& t, Value iterator, Value sent, Value* result) {
  Type* type = type_of(t, iterator);
  BuiltinTypes& types = t.types();
  if (type == types.generator || type == types.coroutine)
    return generator_resume(t, self(iterator), sent, false, result);
  if (type == types.async_generator_asend || type == types.async_generator_athrow)
    return async_generator_awaitable_send(t, iterator, sent, result);
  if (SendFunction send = native_send(type); send != nullptr) {
    bool finished = false;
    *result = send(t, iterator, sent, &finished).take();
    return result->is_error() ? SendStatus::Error : finished ? SendStatus::Return : SendStatus::Next;
  }
  Value v;
  if (!sent.is_none() || type->slots.next == nullptr)
    v = call_method(t, iterator, t.names().send, {sent}).take();
  else if (type->has(
               kTypeHeap))  // a script class: its StopIteration may carry a value, which the slot would drop
    v = call_special(t, iterator, t.names().__next__).take();
  else
    v = type->slots.next(t, iterator).take();
  if (v.is_no_more()) {
    *result = kNone;
    return SendStatus::Return;
  }
  if (!v.is_error()) {
    *result = v;
    return SendStatus::Next;
  }
  if (!t.exception_matches(Exc::StopIteration)) return SendStatus::Error;
  Value stop = t.take_exception();
  Value value = stop.as<ExceptionObject>()->fields[0];
  *result = value.is_empty() ? kNone : value;
  return SendStatus::Return;
}

Result<Value> get_awaitable_iter(Thread& t, Value v) {
  if (is_coroutine(t, v)) return v;
  Type* type = type_of(t, v);
  if (type->slots.await == nullptr)
    return t.raise(Exc::TypeError, "object {} can't be used in 'await' expression", type_name(type));
  Value iterator = TRY(type->slots.await(t, v));
  if (is_coroutine(t, iterator)) return t.raise(Exc::TypeError, "__await__() returned a coroutine");
  if (type_of(t, iterator)->slots.next == nullptr)
    return t.raise(Exc::TypeError, "__await__() returned non-iterator of type '{}'", type_name(t, iterator));
  return iterator;
}

Result<Value> generator_next(Thread& t, Value v) {
  Value out;
  switch (generator_resume(t, self(v), kNone, false, &out)) {
    case SendStatus::Next: return out;
    case SendStatus::Return: return kNoMore;
    case SendStatus::Error: break;
  }
  return Error{};
}
Result<Value> generator_next_value(Thread& t, GeneratorObject* g) {
  Value out;
  switch (generator_resume(t, g, kNone, false, &out)) {
    case SendStatus::Next: return out;
    case SendStatus::Return: return raise_stop_iteration(t, out);
    case SendStatus::Error: break;
  }
  return Error{};
}

Status warn_where_created(Thread& t, GeneratorObject* g) {
  std::string message = fmt::format("coroutine '{}' was never awaited", str_text(t, g->qualified_name));
  return warn_never_awaited(t, creation_site(g), message, g);
}

void set_creation_site(CreationSite* site, const Frame* maker) {
  if (maker == nullptr) return;
  site->code = Value(maker->code);
  site->globals = Value(maker->globals);
  site->word = maker->word();
}
Status warn_never_awaited(Thread& t, const CreationSite* site, const std::string& message, Value source) {
  if (site->code.get().is_empty()) return warn(t, Exc::RuntimeWarning, message);
  auto* code = site->code.get().as<CodeObject>();
  return warn_at(t, Exc::RuntimeWarning, message, code->filename,
                 code_line(code, static_cast<uint32_t>(site->word)), site->globals, source);
}

namespace {

// warnings._warn_unawaited_coroutine shows the origin where that is recorded, and may be replaced by a
// script; stdlib/lib/_later/warnings.mp has ours.
void tell_never_awaited(Thread& t, GeneratorObject* g) {
  Value warnings = dict_get_text(t, t.runtime().modules, "warnings");
  Value function = kNotFound;
  if (!warnings.is_not_found())
    function = get_attr_or_not_found(t, warnings, intern(t, "_warn_unawaited_coroutine")).take();
  bool warned = false;
  if (!function.is_not_found() && !function.is_error()) {
    warned = call(t, function, {Value(g)}).ok() || t.exception_matches(Exc::RuntimeWarning);
    if (t.has_exception()) write_unraisable(t, "coroutine", g);
  }
  if (!warned && warn_where_created(t, g).is_error()) write_unraisable(t, "coroutine", g);
}

}  // namespace

Status finalize_generator(Thread& t, Value v) {
  GeneratorObject* g = self(v);
  let_go(t, g);
  GeneratorState state = g->state.load(std::memory_order_relaxed);
  if (state == GeneratorState::Finished || state == GeneratorState::Running) return {};
  Value pending = t.take_exception();
  if (is_async_code(g)) {
    Value finalizer = g->finalizer;
    if (!finalizer.is_empty() && !g->closed) {
      if (call(t, finalizer, {v}).is_error()) write_unraisable(t, "async generator finalizer", v);
      t.restore_exception(pending);
      return {};
    }
  }
  if (is_coroutine_code(g) && state == GeneratorState::Created) {
    tell_never_awaited(t, g);
    finish(t, g);
  } else {
    if (generator_close(t, g).is_error()) {
      // "generator ignored GeneratorExit" comes from no line; the loop that was left has one.
      if (!t.impl->running_finalizers && t.frame != nullptr && is_exception(t.current()) &&
          t.current().as<ExceptionObject>()->traceback.get().is_empty() &&
          code_line(t.frame->code, t.frame->word()) > 0)
        add_traceback(t, t.frame);
      write_unraisable(t, is_coroutine_code(g) ? "coroutine" : "generator", v);
    }
  }
  t.restore_exception(pending);
  return {};
}

}  // namespace mp
