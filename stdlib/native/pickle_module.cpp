// _pickle: Pickler and Unpickler, and the functions that use one for a single object.
#include "stdlib/native/pickle.h"
#include "vm/types/buffer.h"
#include "vm/types/exception.h"

namespace mp {

// ---------------------------------------------------------------- exceptions

Result<Value> pickle_error_class(Thread& t, const char* name) {
  if (t.runtime().native_types == nullptr) t.runtime().native_types = make_dict(t);
  DictObject* table = t.runtime().native_types;
  std::string key = std::string("_pickle.") + name;
  Value found = dict_get_text(t, table, key);
  if (!found.is_not_found()) return found;
  Value base = Value(t.types().exception(Exc::Exception));
  if (std::string_view(name) != "PickleError") base = TRY(pickle_error_class(t, "PickleError"));
  DictObject* body = make_dict(t);
  TRY(dict_set_text(t, body, "__module__", intern(t, "_pickle")));
  found = TRY(
      call(t, Value(t.types().type), {Value(intern(t, name)), Value(make_tuple(t, {base})), Value(body)}));
  TRY(dict_set_text(t, table, key, found));
  return found;
}
static Error raise_pickle(Thread& t, const char* name, const std::string& message) {
  Result<Value> cls = pickle_error_class(t, name);
  if (cls.is_error()) return Error{};
  Result<Value> exception = call(t, cls.value(), {Value(make_str(t, message))});
  return exception.is_error() ? Error{} : t.raise_object(exception.value());
}
Error raise_pickling(Thread& t, const std::string& message) {
  return raise_pickle(t, "PicklingError", message);
}
Error raise_unpickling(Thread& t, const std::string& message) {
  return raise_pickle(t, "UnpicklingError", message);
}

namespace {

// ---------------------------------------------------------------- Pickler

Status set_up(Thread& t, PicklerObject* pickler, Value protocol, Value fix_imports, Value buffer_callback) {
  int number = protocol.is_none() ? kDefaultProtocol : TRY(to_c_int(t, protocol));
  if (number < 0) number = kHighestProtocol;
  if (number > kHighestProtocol)
    return t.raise(Exc::ValueError, "pickle protocol must be <= {}", kHighestProtocol);
  if (!buffer_callback.is_none() && number < 5)
    return t.raise(Exc::ValueError, "buffer_callback needs protocol >= 5");
  pickler->protocol = number;
  pickler->fix_imports = TRY(truth(t, fix_imports)) && number < 3;
  pickler->buffer_callback = buffer_callback.is_none() ? kEmpty : buffer_callback;
  pickler->fast = Value::from_int(0);
  return {};
}
Result<Value> write_of(Thread& t, Value file) {
  Value write = TRY(get_attr_or_not_found(t, file, intern(t, "write")));
  if (write.is_not_found()) return t.raise(Exc::TypeError, "file must have a 'write' attribute");
  return write;
}

Result<Value> pickler_new(Thread& t, Value cls, const CallArgs&) {
  auto* pickler = t.heap().make<PicklerObject>(t, cls.as<Type>());
  pickler->protocol = kDefaultProtocol;
  pickler->fast = Value::from_int(0);
  return Value(pickler);
}
Result<Value> pickler_init(Thread& t, const Value* args) {
  auto* pickler = args[0].as<PicklerObject>();
  TRY(set_up(t, pickler, args[2], args[3], args[4]));
  pickler->write = TRY(write_of(t, args[1]));
  pickler->clear(t);
  // A subclass may have its own table as an attribute of the class.
  if (pickler->type()->spec != &kPicklerSpec) {
    Value table = TRY(get_attr_or_not_found(t, args[0], intern(t, "dispatch_table")));
    if (!table.is_not_found()) pickler->dispatch_table = table;
  }
  return kNone;
}
Result<Value> pickler_dump(Thread& t, const Value* args) {
  auto* pickler = args[0].as<PicklerObject>();
  if (pickler->write.get().is_empty())
    return raise_pickling(
        t, fmt::format("Pickler.__init__() was not called by {}.__init__()", type_name(pickler->type())));
  Saver saver(t, pickler, pickler->write);
  TRY(saver.dump(args[1]));
  return kNone;
}
Result<Value> pickler_clear_memo(Thread& t, const Value* args) {
  args[0].as<PicklerObject>()->clear(t);
  return kNone;
}
Result<Value> pickler_persistent_id(Thread&, const Value*) { return kNone; }
Result<Value> pickler_bin(Thread&, Value self) {
  return Value::from_int(self.as<PicklerObject>()->protocol >= 1 ? 1 : 0);
}

Result<Value> pickler_dispatch_table(Thread& t, Value self) {
  Value table = self.as<PicklerObject>()->dispatch_table;
  return table.is_empty() ? Result<Value>(t.raise(Exc::AttributeError, "dispatch_table")) : table;
}
Status pickler_set_dispatch_table(Thread& t, Value self, Value table_or_empty) {
  if (table_or_empty.is_empty()) TRY(pickler_dispatch_table(t, self));
  self.as<PicklerObject>()->dispatch_table = table_or_empty;
  return {};
}

// ---- the memos as script sees them: views with copy() and clear()
struct MemoProxy : Object {
  Slot owner;
};
void trace_proxy(Object* self, Tracer& tracer) { tracer.visit(static_cast<MemoProxy*>(self)->owner); }
Value owner_of(Value proxy) { return proxy.as<MemoProxy>()->owner; }

// {id: (number, object)}
Result<Value> pickler_memo_copy(Thread& t, const Value* args) {
  MemoTable* table = owner_of(args[0]).as<PicklerObject>()->memo.load(std::memory_order_acquire);
  DictObject* copy = make_dict(t);
  // SAFETY: no safepoint before all are found: a table that was cleared meanwhile keeps nothing alive.
  RootVector pairs(t);
  for (uint64_t i = 0; table != nullptr && i < table->capacity; ++i) {
    MemoEntry& entry = table->entries()[i];
    if (Value key = entry.key; !key.is_empty())
      pairs.push_back(
          make_tuple(t, {make_int_unsigned(t, entry.number.load(std::memory_order_relaxed)), key}));
  }
  for (Value pair : pairs) {
    Value id =
        TRY(call(t, dict_get_text(t, t.runtime().builtins_dict, "id"), {(*pair.as<TupleObject>())[1]}));
    TRY(dict_set(t, copy, id, pair));
  }
  return Value(copy);
}
Result<Value> pickler_memo_clear(Thread& t, const Value* args) {
  owner_of(args[0]).as<PicklerObject>()->clear(t);
  return kNone;
}
Result<Value> unpickler_memo_copy(Thread& t, const Value* args) {
  DictObject* copy = make_dict(t);
  Value memo = owner_of(args[0]).as<UnpicklerObject>()->memo;
  for (size_t i = 0; is_list(memo) && i < memo.as<ListObject>()->length(); ++i) {
    Value item = memo.as<ListObject>()->at(i);
    if (!item.is_empty() && !item.is_not_found())
      TRY(dict_set(t, copy, Value::from_int(static_cast<int64_t>(i)), item));
  }
  return Value(copy);
}
Result<Value> unpickler_memo_clear(Thread& t, const Value* args) {
  owner_of(args[0]).as<UnpicklerObject>()->memo = Value(make_list(t));  // a load() may be under way
  return kNone;
}
template <Result<Value> (*copy)(Thread&, const Value*)>
Result<Value> memo_reduce(Thread& t, const Value* args) {
  Value contents = TRY(copy(t, args));
  return make_tuple(t, {Value(t.types().dict), Value(make_tuple(t, {contents}))});
}
#define MP_MEMO_METHODS(copy, clear)                                                             \
  {                                                                                              \
    MP_METHOD(clear, "clear(self, /)", "Remove all items from memo."),                           \
        MP_METHOD(copy, "copy(self, /)", "Copy the memo to a new object."),                      \
        MP_METHOD(memo_reduce<copy>, "__reduce__(self, /)", "Implement pickle support."), MP_END \
  }
const NativeDef kPicklerMemoMethods[] = MP_MEMO_METHODS(pickler_memo_copy, pickler_memo_clear);
const NativeDef kUnpicklerMemoMethods[] = MP_MEMO_METHODS(unpickler_memo_copy, unpickler_memo_clear);
const TypeSpec kPicklerMemoSpec = {.name = "_pickle.PicklerMemoProxy",
                                   .size = sizeof(MemoProxy),
                                   .flags = kTypeDisallowNew,
                                   .trace = trace_proxy,
                                   .methods = kPicklerMemoMethods};
const TypeSpec kUnpicklerMemoSpec = {.name = "_pickle.UnpicklerMemoProxy",
                                     .size = sizeof(MemoProxy),
                                     .flags = kTypeDisallowNew,
                                     .trace = trace_proxy,
                                     .methods = kUnpicklerMemoMethods};
Result<Value> proxy_of(Thread& t, Value owner, const TypeSpec& spec) {
  auto* proxy = t.heap().make<MemoProxy>(t, native_type(t, spec));
  proxy->owner = owner;
  return Value(proxy);
}
Result<Value> pickler_memo(Thread& t, Value self) { return proxy_of(t, self, kPicklerMemoSpec); }
Result<Value> unpickler_memo(Thread& t, Value self) { return proxy_of(t, self, kUnpicklerMemoSpec); }

// The dict that a memo is set to; a proxy stands for a copy of its own.
Result<Value> memo_argument(Thread& t, Value value, const TypeSpec& spec, const char* name,
                            Result<Value> (*copy)(Thread&, const Value*)) {
  if (value.is_empty()) return t.raise(Exc::TypeError, "attribute deletion is not supported");
  if (value.is_object() && value.as_object()->type()->spec == &spec) return copy(t, &value);
  if (!is_dict(value))
    return t.raise(Exc::TypeError, "'memo' attribute must be {} object or dict, not {}", name,
                   type_name(t, value));
  return value;
}
Status pickler_set_memo(Thread& t, Value self, Value value) {
  value = TRY(memo_argument(t, value, kPicklerMemoSpec, "a PicklerMemoProxy", pickler_memo_copy));
  auto* pickler = self.as<PicklerObject>();
  pickler->clear(t);
  size_t position = 0;
  Value key, item;
  while (dict_next(value.as<DictObject>(), &position, &key, &item)) {
    if (!is_tuple(item) || item.as<TupleObject>()->size != 2)
      return t.raise(Exc::TypeError, "'memo' values must be 2-item tuples");
    int64_t number = TRY(to_ssize(t, (*item.as<TupleObject>())[0]));
    TRY(pickler->remember(t, (*item.as<TupleObject>())[1], static_cast<uint64_t>(number)));
  }
  return {};
}
Status unpickler_set_memo(Thread& t, Value self, Value value) {
  value = TRY(memo_argument(t, value, kUnpicklerMemoSpec, "an UnpicklerMemoProxy", unpickler_memo_copy));
  ListObject* memo = make_list(t);
  size_t position = 0;
  Value key, item;
  while (dict_next(value.as<DictObject>(), &position, &key, &item)) {
    if (!is_any_int(key)) return t.raise(Exc::TypeError, "memo key must be integers");
    int64_t index = TRY(to_ssize(t, key));
    if (index < 0) return t.raise(Exc::ValueError, "memo key must be positive integers.");
    if (index > (int64_t{1} << 24)) return t.raise_memory_error();
    while (memo->length() <= static_cast<uint64_t>(index)) TRY(list_append(t, memo, kNotFound));
    TRY(list_set(t, memo, static_cast<size_t>(index), item));
  }
  self.as<UnpicklerObject>()->memo = Value(memo);
  return {};
}

// ---------------------------------------------------------------- Unpickler

Status set_up(Thread& t, UnpicklerObject* unpickler, const Value* options) {
  unpickler->fix_imports = TRY(truth(t, options[0]));
  for (size_t i = 1; i <= 2; ++i)
    if (!is_str(options[i]))
      return t.raise(Exc::TypeError, "Unpickler() argument '{}' must be str, not {}",
                     i == 1 ? "encoding" : "errors", type_name(t, options[i]));
  unpickler->encoding = options[1];
  unpickler->errors = options[2];
  bool none = options[3].is_empty() || options[3].is_none();
  unpickler->buffers = none ? kEmpty : TRY(get_iter(t, options[3]));
  return {};
}
Status open(Thread& t, UnpicklerObject* unpickler, Value file) {
  Value read = TRY(get_attr_or_not_found(t, file, intern(t, "read"))),
        readline = TRY(get_attr_or_not_found(t, file, intern(t, "readline")));
  if (read.is_not_found() || readline.is_not_found())
    return t.raise(Exc::TypeError, "file must have 'read' and 'readline' attributes");
  unpickler->read = read;
  unpickler->readline = readline;
  return {};
}

Result<Value> unpickler_new(Thread& t, Value cls, const CallArgs&) {
  return Value(t.heap().make<UnpicklerObject>(t, cls.as<Type>()));
}
Result<Value> unpickler_init(Thread& t, const Value* args) {
  auto* unpickler = args[0].as<UnpicklerObject>();
  TRY(set_up(t, unpickler, args + 2));
  unpickler->memo = Value(make_list(t));
  TRY(open(t, unpickler, args[1]));  // from here on it counts as initialised
  return kNone;
}
Result<Value> unpickler_load(Thread& t, const Value* args) {
  auto* unpickler = args[0].as<UnpicklerObject>();
  if (unpickler->read.get().is_empty())
    return raise_unpickling(
        t, fmt::format("Unpickler.__init__() was not called by {}.__init__()", type_name(unpickler->type())));
  return unpickle_file(t, unpickler);
}
Result<Value> unpickler_find_class(Thread& t, const Value* args) {
  // Overridden methods call this one for a pickle whose protocol the load() knows; names with dots are asked
  // for by protocol 4 only.
  auto* unpickler = args[0].as<UnpicklerObject>();
  return find_class(t, unpickler->fix_imports, unpickler->protocol, args[1], args[2]);
}
Result<Value> unpickler_persistent_load(Thread& t, const Value*) {
  return raise_unpickling(t,
                          "A load persistent id instruction was encountered, but no persistent_load function "
                          "was specified.");
}

// ---------------------------------------------------------------- functions

Result<PicklerObject*> make_pickler(Thread& t, Value protocol, Value fix_imports, Value buffer_callback) {
  auto* pickler = t.heap().make<PicklerObject>(t, native_type(t, kPicklerSpec));
  TRY(set_up(t, pickler, protocol, fix_imports, buffer_callback));
  return pickler;
}
Result<Value> module_dump(Thread& t, const Value* args) {
  PicklerObject* pickler = TRY(make_pickler(t, args[2], args[3], args[4]));
  Saver saver(t, pickler, TRY(write_of(t, args[1])));
  TRY(saver.dump(args[0]));
  return kNone;
}
Result<Value> module_dumps(Thread& t, const Value* args) {
  PicklerObject* pickler = TRY(make_pickler(t, args[1], args[2], args[3]));
  Saver saver(t, pickler, kEmpty);
  TRY(saver.dump(args[0]));
  return str_or_error(make_bytes(t, saver.bytes()));
}
Result<Value> module_load(Thread& t, const Value* args) {
  auto* unpickler = t.heap().make<UnpicklerObject>(t, native_type(t, kUnpicklerSpec));
  TRY(open(t, unpickler, args[0]));
  TRY(set_up(t, unpickler, args + 1));
  return unpickle_file(t, unpickler);
}
Result<Value> module_loads(Thread& t, const Value* args) {
  auto* unpickler = t.heap().make<UnpicklerObject>(t, native_type(t, kUnpicklerSpec));
  TRY(set_up(t, unpickler, args + 1));
  HeldBuffer data;
  TRY(data.get(t, args[0]));
  return unpickle(t, unpickler, data.bytes());
}

void trace_pickler(Object* self, Tracer& tracer) {
  auto* pickler = static_cast<PicklerObject*>(self);
  tracer.visit(pickler->write);
  tracer.visit(pickler->dispatch_table);
  tracer.visit(pickler->buffer_callback);
  tracer.visit(pickler->fast);
  MemoTable* table = pickler->memo.load();
  if (table == nullptr) return;
  tracer.mark_raw(table);
  for (uint64_t i = 0; i < table->capacity; ++i) tracer.visit(table->entries()[i].key);
}
void trace_unpickler(Object* self, Tracer& tracer) {
  auto* unpickler = static_cast<UnpicklerObject*>(self);
  for (Slot* each : {&unpickler->read, &unpickler->readline, &unpickler->memo, &unpickler->encoding,
                     &unpickler->errors, &unpickler->buffers})
    tracer.visit(*each);
}

const NativeDef kPicklerMethods[] = {
    MP_RAW_NEW(pickler_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_METHOD(pickler_init, "__init__(self, file, protocol=None, fix_imports=True, buffer_callback=None)",
              nullptr),
    MP_METHOD(pickler_dump, "dump(self, obj, /)",
              "Write a pickled representation of the given object to the open file."),
    MP_METHOD(
        pickler_clear_memo, "clear_memo(self, /)",
        "Clears the pickler's \"memo\".\n\nThe memo is the data structure that remembers which objects the\n"
        "pickler has already seen, so that shared or recursive objects are\npickled by reference and not by "
        "value.  This method is useful when\nre-using picklers."),
    MP_METHOD(pickler_persistent_id, "persistent_id(self, obj, /)", nullptr),
    MP_END};
const GetSetDef kPicklerGetSets[] = {
    {"dispatch_table", pickler_dispatch_table, pickler_set_dispatch_table, nullptr},
    {"bin", pickler_bin, nullptr, nullptr},
    {"memo", pickler_memo, pickler_set_memo, nullptr},
    {nullptr, nullptr, nullptr, nullptr}};
const MemberDef kPicklerMembers[] = {{"fast", offsetof(PicklerObject, fast), false, nullptr},
                                     {nullptr, 0, false, nullptr}};
const NativeDef kUnpicklerMethods[] = {
    MP_RAW_NEW(unpickler_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_METHOD(unpickler_init,
              "__init__(self, file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=?)",
              nullptr),
    MP_METHOD(unpickler_load, "load(self, /)",
              "Load a pickle.\n\nRead a pickled object representation from the open file object given\nin "
              "the constructor, and return the reconstituted object hierarchy\nspecified therein."),
    MP_METHOD(unpickler_find_class, "find_class(self, module_name, global_name, /)",
              "Return an object from a specified module.\n\nIf necessary, the module will be imported. "
              "Subclasses may "
              "override\nthis method (e.g. to restrict unpickling of arbitrary classes "
              "and\nfunctions).\n\nThis method "
              "is called whenever a class or a function object is\nneeded.  Both arguments passed are str "
              "objects."),
    MP_METHOD(unpickler_persistent_load, "persistent_load(self, pid, /)", nullptr),
    MP_END};
const GetSetDef kUnpicklerGetSets[] = {{"memo", unpickler_memo, unpickler_set_memo, nullptr},
                                       {nullptr, nullptr, nullptr, nullptr}};

const NativeDef kFunctions[] = {
    MP_FUNCTION(module_dump, "dump(obj, file, protocol=None, *, fix_imports=True, buffer_callback=None)",
                "Write a pickled representation of obj to the open file object file."),
    MP_FUNCTION(module_dumps, "dumps(obj, protocol=None, *, fix_imports=True, buffer_callback=None)",
                "Return the pickled representation of the object as a bytes object."),
    MP_FUNCTION(module_load, "load(file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=?)",
                "Read and return an object from the pickle data stored in a file."),
    MP_FUNCTION(module_loads,
                "loads(data, /, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=?)",
                "Read and return an object from the given pickle data."),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  for (const char* name : {"PickleError", "PicklingError", "UnpicklingError"})
    TRY(module_add(t, module, name, TRY(pickle_error_class(t, name))));
  module_add_type(t, module, kPicklerSpec);
  module_add_type(t, module, kUnpicklerSpec);
  module_add_type(t, module, kPickleBufferSpec);
  register_pickle_buffer(t);
  return {};
}

}  // namespace

const TypeSpec kPicklerSpec = {
    .name = "_pickle.Pickler",
    .size = sizeof(PicklerObject),
    .flags = kTypeBaseType,
    .doc =
        "This takes a binary file for writing a pickle data stream.\n\nThe optional *protocol* argument "
        "tells the "
        "pickler to use the given\nprotocol; supported protocols are 0, 1, 2, 3, 4 and 5.  The "
        "default\nprotocol is "
        "4. It was introduced in Python 3.4, and is incompatible\nwith previous versions.",
    .trace = trace_pickler,
    .methods = kPicklerMethods,
    .getsets = kPicklerGetSets,
    .members = kPicklerMembers};
const TypeSpec kUnpicklerSpec = {
    .name = "_pickle.Unpickler",
    .size = sizeof(UnpicklerObject),
    .flags = kTypeBaseType,
    .doc =
        "This takes a binary file for reading a pickle data stream.\n\nThe protocol version of the pickle is "
        "detected automatically, so no\nprotocol argument is needed.  Bytes past the pickled object's\n"
        "representation are ignored.",
    .trace = trace_unpickler,
    .methods = kUnpicklerMethods,
    .getsets = kUnpicklerGetSets};

extern const ModuleSpec kPickleModule;
const ModuleSpec kPickleModule = {.name = "_pickle",
                                  .doc = "Optimized C implementation for the Python pickle module.",
                                  .functions = kFunctions,
                                  .init = init_module};

}  // namespace mp
