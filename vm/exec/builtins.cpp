// Builtins that look at frames or make classes: __build_class__, globals, locals, vars, dir; and the lists
// for the builtins module.
#include "vm/exec/interp.h"
#include "vm/exec/ops.h"
#include "vm/gc/root.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/thread_impl.h"
#include "vm/threads/thread_table.h"
#include "vm/types/runtime.h"

namespace mp {

extern const NativeDef kCompileBuiltin, kExecBuiltin, kEvalBuiltin, kAnextBuiltin;

Result<Value> run_function_with_locals(Thread& t, FunctionObject* function, Value locals) {
  Frame* frame =
      ops::push_frame(t, function->code, function, function->globals, function->builtins, kFrameEntry);
  if (frame == nullptr) return Error{};
  frame->locals = locals;
  t.frame = frame;
  return execute(t, frame);
}

namespace {

// Bases that are not classes stand for others (PEP 560).
Result<TupleObject*> resolve_bases(Thread& t, const Value* bases, size_t count) {
  TupleObject* given = make_tuple(t, bases, count);
  ListObject* resolved = nullptr;
  for (size_t i = 0; i < count; ++i) {
    Value base = bases[i];
    Value entries =
        is_type(base) ? kNotFound : TRY(get_attr_or_not_found(t, base, t.names().__mro_entries__));
    if (entries.is_not_found()) {
      if (resolved != nullptr) TRY(list_append(t, resolved, base));
      continue;
    }
    Value instead = TRY(call(t, entries, {given}));
    if (!is_tuple(instead)) return t.raise(Exc::TypeError, "__mro_entries__ must return a tuple");
    if (resolved == nullptr) resolved = make_list(t, bases, i);
    TRY(list_extend(t, resolved, instead));
  }
  return resolved == nullptr ? given : list_to_tuple(t, resolved);
}

Result<Value> build_class(Thread& t, Value, const CallArgs& args) {
  if (args.count < 2) return t.raise(Exc::TypeError, "__build_class__: not enough arguments");
  if (!is_kind(args.values[0], Kind::Function))
    return t.raise(Exc::TypeError, "__build_class__: func must be a function");
  auto* function = args.values[0].as<FunctionObject>();
  Value name = args.values[1];
  if (!is_str(name)) return t.raise(Exc::TypeError, "__build_class__: name is not a string");
  TupleObject* bases = TRY(resolve_bases(t, args.values + 2, args.count - 2));

  // The keywords without `metaclass`.
  Value meta{};
  RootVector names(t), values(t);
  if (!args.keyword_names.is_empty()) {
    auto* given = args.keyword_names.as<TupleObject>();
    for (size_t i = 0; i < given->size; ++i) {
      Value value = args.values[args.count + i];
      if (str_equal((*given)[i].as<StrObject>(), "metaclass")) {
        meta = value;
      } else {
        names.push_back((*given)[i]);
        values.push_back(value);
      }
    }
  }
  if (meta.is_empty()) meta = bases->size > 0 ? Value(type_of(t, (*bases)[0])) : Value(t.types().type);
  if (is_type(meta)) meta = TRY(compute_metatype(t, meta.as<Type>(), bases));
  Value keyword_names = names.empty() ? kEmpty : Value(make_tuple(t, names.data(), names.size()));

  Value name_space;
  Value prepare =
      meta == Value(t.types().type) ? kNotFound : TRY(get_attr_or_not_found(t, meta, t.names().__prepare__));
  if (prepare.is_not_found()) {
    name_space = Value(make_dict(t));
  } else {
    RootVector arguments(t);
    arguments.push_back(name);
    arguments.push_back(bases);
    for (Value v : values) arguments.push_back(v);
    name_space = TRY(call(t, prepare, CallArgs{arguments.data(), 2, keyword_names}));
    if (!is_dict(name_space) && type_of(t, name_space)->slots.get_item == nullptr)
      return t.raise(Exc::TypeError, "{}.__prepare__() must return a mapping, not {}",
                     is_type(meta) ? type_name(meta.as<Type>()) : "<metaclass>", type_name(t, name_space));
  }
  Value cell = TRY(run_function_with_locals(t, function, name_space));
  bool same_bases = bases->size == args.count - 2;
  for (size_t i = 0; same_bases && i < bases->size; ++i) same_bases = (*bases)[i] == args.values[2 + i];
  if (!same_bases)
    TRY(set_item(t, name_space, t.names().__orig_bases__, make_tuple(t, args.values + 2, args.count - 2)));

  RootVector arguments(t);
  arguments.push_back(name);
  arguments.push_back(bases);
  arguments.push_back(name_space);
  for (Value v : values) arguments.push_back(v);
  Value cls = TRY(call(t, meta, CallArgs{arguments.data(), 3, keyword_names}));
  if (is_type(cls) && is_kind(cell, Kind::Cell)) {
    Value content = cell.as<CellObject>()->content;
    if (content.is_empty())
      return t.raise(Exc::RuntimeError,
                     "__class__ not set defining {} as {}. Was __classcell__ propagated to type.__new__?",
                     repr_text(t, name), repr_text(t, cls));
    if (content != cls)
      return t.raise(Exc::TypeError, "__class__ set to {} defining {} as {}", repr_text(t, content),
                     repr_text(t, name), repr_text(t, cls));
  }
  return cls;
}

Result<Value> builtin_globals(Thread& t, const Value*) {
  if (t.frame == nullptr) return t.raise(Exc::SystemError, "globals: no current frame");
  return Value(t.frame->globals);
}

Result<Value> builtin_locals(Thread& t, const Value*) {
  if (t.frame == nullptr) return t.raise(Exc::SystemError, "frame does not exist");
  return frame_locals_snapshot(t, t.frame);
}

Result<Value> builtin_vars(Thread& t, const Value* args) {
  if (args[0].is_empty()) return builtin_locals(t, args);
  Value dict = TRY(get_attr_or_not_found(t, args[0], t.names().__dict__));
  if (dict.is_not_found()) return t.raise(Exc::TypeError, "vars() argument must have __dict__ attribute");
  return dict;
}

Result<Value> builtin_dir(Thread& t, const Value* args) {
  if (!args[0].is_empty()) return dir(t, args[0]);
  Value locals = TRY(builtin_locals(t, args));
  Value keys = is_exact(locals, t.types().dict) ? locals : TRY(call_method(t, locals, t.names().keys));
  Value names = TRY(to_list(t, keys));
  TRY(list_sort(t, names.as<ListObject>(), kNone, false));
  return names;
}

void scan_threads(void* context, Tracer& tracer) {
  auto* runtime = static_cast<Runtime*>(context);
  if (runtime->threads == nullptr) return;
  // The world is stopped: the list does not change.
  for (Thread* t = runtime->threads->first; t != nullptr; t = t->impl->next) {
    const Frame* callee = nullptr;
    for (Frame* f = t->frame; f != nullptr; callee = f, f = f->previous) trace_frame(f, callee, tracer);
    for (HandledException* h = t->handled; h != nullptr; h = h->previous) tracer.visit(h->value);
  }
}

}  // namespace

void set_up_interpreter(Thread& t) { t.heap().add_root_scanner(scan_threads, &t.runtime()); }

extern const NativeDef kInterpreterBuiltins[];
const NativeDef kInterpreterBuiltins[] = {
    MP_RAW_FUNCTION(
        build_class, "__build_class__(func, name, /, *bases, metaclass=None, **kwds)",
        "__build_class__(func, name, /, *bases, [metaclass], **kwds) -> class\n\nInternal helper function "
        "used by the class statement."),
    kCompileBuiltin,
    kExecBuiltin,
    kEvalBuiltin,
    kAnextBuiltin,
    MP_FUNCTION(builtin_globals, "globals()",
                "Return the dictionary containing the current scope's global variables."),
    MP_FUNCTION(builtin_locals, "locals()",
                "Return a dictionary containing the current scope's local variables."),
    MP_FUNCTION(builtin_vars, "vars(object=?, /)",
                "vars([object]) -> dictionary\n\nWithout arguments, equivalent to locals().\nWith an "
                "argument, equivalent "
                "to object.__dict__."),
    MP_FUNCTION(builtin_dir, "dir(object=?, /)",
                "dir([object]) -> list of strings\n\nIf called without an argument, return the names in the "
                "current scope."),
    MP_END};

}  // namespace mp
