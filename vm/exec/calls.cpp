// Calls: pushing frames, calling natives, spreading CALL_EX's arguments, and the doors for C++ callers.
#include <cstring>

#include "vm/exec/interp_values.h"
#include "vm/exec/ops.h"
#include "vm/threads/vm_stack.h"
#include "vm/types/type_internal.h"

namespace mp {

namespace ops {

MP_NOINLINE Error recursion_error(Thread& t) { return t.raise_recursion_error(""); }

MP_NOINLINE bool may_go_deeper(Thread& t, const Slot* top) {
  if (t.recursion_depth < t.runtime().recursion_limit.load(std::memory_order_relaxed) &&
      grow_vm_stack(t, top))
    return true;
  recursion_error(t);
  return false;
}

// A frame on the stack, not linked yet, with nothing in its registers.
static inline Frame* open_frame(Thread& t, CodeObject* code, FunctionObject* function, DictObject* globals,
                                DictObject* builtins, uint32_t control) {
  auto* frame = reinterpret_cast<Frame*>(t.stack_top);
  auto* registers = reinterpret_cast<Value*>(frame + 1);
  auto* top = reinterpret_cast<Slot*>(registers + code->register_count);
  if (top > t.stack_end || t.recursion_depth >= t.runtime().recursion_limit.load(std::memory_order_relaxed))
    if (!may_go_deeper(t, top)) return nullptr;
  frame->previous = t.frame;
  frame->code = code;
  frame->pc = code->instructions;
  frame->registers = registers;
  frame->globals = globals;
  frame->builtins = builtins;
  frame->function = function;
  frame->frame_object = nullptr;
  frame->locals = kEmpty;
  *reinterpret_cast<uint32_t*>(&frame->flags) = control;
  t.stack_top = top;
  ++t.recursion_depth;
  return frame;
}

Frame* push_frame(Thread& t, CodeObject* code, FunctionObject* function, DictObject* globals,
                  DictObject* builtins, uint32_t control) {
  Frame* frame = open_frame(t, code, function, globals, builtins, control);
  if (frame == nullptr) return nullptr;
  clear_registers(frame->registers, frame->registers + code->first_temporary);
  return frame;
}

void pop_frame(Thread& t, Frame* frame) {
  t.stack_top = reinterpret_cast<Slot*>(frame);
  --t.recursion_depth;
}

// Arguments that are not simply the parameters in order.
MP_NOINLINE static Frame* push_bound(Thread& t, FunctionObject* function, Value self, const CallArgs& args,
                                     uint32_t control, const SpreadArgs& spread) {
  CodeObject* code = function->code;
  Frame* frame = push_frame(t, code, function, function->globals, function->builtins, control);
  if (frame == nullptr) return nullptr;
  // The frame is linked only when its arguments are bound: errors belong to the caller. stack_top already
  // protects the registers.
  if (bind_arguments(t, function, code, self, args, frame->registers, spread).is_error()) {
    pop_frame(t, frame);
    return nullptr;
  }
  if ((code->flags & lang::kCodeOptimized) == 0) frame->locals = Value(function->globals);
  t.frame = frame;
  return frame;
}

__attribute__((always_inline)) static inline Frame* push_any(Thread& t, FunctionObject* function, Value self,
                                                             const CallArgs& args, uint32_t control,
                                                             const SpreadArgs& spread) {
  CodeObject* code = function->code;
  const size_t bound = self.is_empty() ? 0 : 1;
  if (args.count + bound != code->exact_positional || !args.keyword_names.is_empty())
    return push_bound(t, function, self, args, control, spread);
  Frame* frame = open_frame(t, code, function, function->globals, function->builtins, control);
  if (frame == nullptr) [[unlikely]]
    return nullptr;
  Value* to = frame->registers;
  const Value* end = to + code->first_temporary;
  if (bound != 0) *to++ = self;
  clear_registers(copy_registers(to, args.values, args.count), end);
  t.frame = frame;
  return frame;
}

MP_NOINLINE Frame* push_call(Thread& t, FunctionObject* function, Value self, const CallArgs& args,
                             uint32_t control, const SpreadArgs& spread) {
  return push_any(t, function, self, args, control, spread);
}

Value call_value(Thread& t, Value callee, Value self, const CallArgs& args) {
  if (self.is_empty()) return call(t, callee, args).take();
  if (is_kind(callee, Kind::Function))
    return call_function(t, callee.as<FunctionObject>(), self, args).take();
  // The interpreter's register runs have the self slot directly before the arguments; others pay a copy.
  size_t total =
      args.count + (args.keyword_names.is_empty() ? 0 : args.keyword_names.as<TupleObject>()->size);
  TupleObject* run = allocate_tuple(t, total + 1);
  run->items()[0] = self;
  for (size_t i = 0; i < total; ++i) run->items()[i + 1] = args.values[i];
  return call(t, callee,
              CallArgs{reinterpret_cast<const Value*>(run->items()), args.count + 1, args.keyword_names})
      .take();
}

bool check_receiver(Thread& t, NativeFunctionObject* function, Value self) {
  return function->owner_type != nullptr && is_instance(t, self, function->owner_type);
}

FunctionObject* plain_class_init(Thread& t, Type* cls) {
  if (cls->type() != t.types().type || cls->has(kTypeAbstract)) return nullptr;
  // Both are cached in the class and emptied when it changes.
  Value make = cls->new_function, init = cls->init_function;
  if (make.is_empty() || init.is_empty()) {
    make = resolve_new(t, cls).take();
    init = resolve_init(t, cls).take();
    if (make.is_error() || init.is_error()) {
      t.clear_exception();
      return nullptr;
    }
  }
  Value plain = t.types().object->new_function;
  if (plain.is_empty()) plain = resolve_new(t, t.types().object).take();
  return make == plain && is_kind(init, Kind::Function) ? init.as<FunctionObject>() : nullptr;
}

Error init_result_error(Thread& t, Value result) {
  return t.raise(Exc::TypeError, "__init__() should return None, not '{}'", type_name(t, result));
}

// "__main__.f()" for the messages about spread arguments.
static std::string callable_text(Thread& t, Value callee) {
  Value qualified = get_attr_or_not_found(t, callee, t.names().__qualname__).take();
  if (qualified.is_error() || !is_str(qualified)) {
    t.clear_exception();
    return str_text(t, callee);
  }
  std::string text = to_utf8(qualified.as<StrObject>()) + "()";
  Value module = get_attr_or_not_found(t, callee, t.names().__module__).take();
  if (module.is_error()) t.clear_exception();
  if (is_str(module) && !str_equal(module.as<StrObject>(), "builtins"))
    text = to_utf8(module.as<StrObject>()) + "." + text;
  return text;
}

MP_NOINLINE bool expand_call(Thread& t, const Instruction* pc, Value* r, CallArgs* args, SpreadArgs* spread) {
  Value positional = r[pc->b + 1];
  if (!is_exact(positional, t.types().tuple)) {
    Value iterable = positional;
    positional = to_tuple(t, iterable).take();
    if (positional.is_error()) {
      Type* type = type_of(t, iterable);
      if (t.exception_matches(Exc::TypeError) && type->slots.iter == nullptr &&
          type->slots.get_item == nullptr) {
        t.clear_exception();
        t.raise(Exc::TypeError, "{} argument after * must be an iterable, not {}", callable_text(t, r[pc->b]),
                type_name(t, iterable));
      }
      return false;
    }
    r[pc->b + 1] = positional;
  }
  auto* tuple = positional.as<TupleObject>();
  *args = CallArgs{reinterpret_cast<const Value*>(tuple->items()), tuple->size, {}};
  spread->positional = tuple;
  if (pc->aux == 0 || !is_dict(r[pc->b + 2])) return true;
  auto* keywords = r[pc->b + 2].as<DictObject>();
  // The dict was made for this call: **kwargs of a script function can be it.
  Value callee = r[pc->b];
  if (is_kind(callee, Kind::BoundMethod)) callee = callee.as<BoundMethodObject>()->function;
  if (is_kind(callee, Kind::Function) && keywords_are_rest(callee.as<FunctionObject>()->code, keywords)) {
    spread->keywords = keywords;
    return true;
  }
  if (keywords->length() == 0) return true;
  size_t count = keywords->length();
  TupleObject* names = allocate_tuple(t, count);
  TupleObject* values = allocate_tuple(t, tuple->size + count);
  for (size_t i = 0; i < tuple->size; ++i) values->items()[i] = (*tuple)[i];
  size_t position = 0, i = 0;
  Value key, value;
  while (i < count && dict_next(keywords, &position, &key, &value)) {
    if (!is_str(key)) {
      t.raise(Exc::TypeError, "keywords must be strings");
      return false;
    }
    names->items()[i] = key;
    values->items()[tuple->size + i] = value;
    ++i;
  }
  // Everything the callee needs hangs on the tuple in the register until the frame is pushed.
  r[pc->b + 1] = values;
  r[pc->b + 2] = names;
  *args = CallArgs{reinterpret_cast<const Value*>(values->items()), tuple->size, names};
  return true;
}

}  // namespace ops

Result<Value> call_function(Thread& t, FunctionObject* function, Value self, const CallArgs& args) {
  Frame* frame = ops::push_any(t, function, self, args, kFrameEntry, kNoSpread);
  if (frame == nullptr) return Error{};
  return execute(t, frame);
}

Result<Value> run_code(Thread& t, CodeObject* code, DictObject* globals, Value locals) {
  Frame* frame = ops::push_frame(t, code, nullptr, globals, builtins_of(t, globals), kFrameEntry);
  if (frame == nullptr) return Error{};
  frame->locals = locals.is_empty() ? Value(globals) : locals;
  t.frame = frame;
  return execute(t, frame);
}

DictObject* builtins_of(Thread& t, DictObject* globals) {
  Value builtins = dict_get_str(globals, t.names().__builtins__);
  if (is_kind(builtins, Kind::Module)) return builtins.as<ModuleObject>()->dict;
  if (is_dict(builtins)) return builtins.as<DictObject>();
  return t.runtime().builtins_dict;
}

FunctionObject* make_function(Thread& t, CodeObject* code, DictObject* globals) {
  auto* function = t.heap().make<FunctionObject>(t, t.types().function);
  function->code = code;
  function->code_cell.store(code, std::memory_order_relaxed);
  function->globals = globals;
  function->builtins =
      t.frame != nullptr && t.frame->globals == globals ? t.frame->builtins : builtins_of(t, globals);
  function->name = code->name;
  function->qualified_name = code->qualified_name;
  Value module = dict_get_str(globals, t.names().__name__);
  function->module = module.is_not_found() ? kNone : module;
  function->doc = (code->flags & lang::kCodeHasDocstring) != 0 ? code->constants[0].get() : kNone;
  return function;
}

}  // namespace mp
