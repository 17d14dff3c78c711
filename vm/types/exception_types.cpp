// The builtin exception classes: construction, attributes, str and repr.
#include <array>
#include <cerrno>

#include "vm/types/exception_internal.h"
#include "vm/types/number.h"

namespace mp {

static ExceptionObject* exc(Value v) { return v.as<ExceptionObject>(); }

Exc os_error_kind(int number) {
  switch (number) {
    case EAGAIN:
    case EALREADY:
    case EINPROGRESS: return Exc::BlockingIOError;
    case EPIPE:
    case ESHUTDOWN: return Exc::BrokenPipeError;
    case ECHILD: return Exc::ChildProcessError;
    case ECONNABORTED: return Exc::ConnectionAbortedError;
    case ECONNREFUSED: return Exc::ConnectionRefusedError;
    case ECONNRESET: return Exc::ConnectionResetError;
    case EEXIST: return Exc::FileExistsError;
    case ENOENT: return Exc::FileNotFoundError;
    case EISDIR: return Exc::IsADirectoryError;
    case ENOTDIR: return Exc::NotADirectoryError;
    case EINTR: return Exc::InterruptedError;
    case EACCES:
    case EPERM: return Exc::PermissionError;
    case ESRCH: return Exc::ProcessLookupError;
    case ETIMEDOUT: return Exc::TimeoutError;
    default: return Exc::OSError;
  }
}

static constexpr Exc kBaseOf[] = {
#define MP_EXC(name, base) Exc::base,
#include "vm/core/exceptions.def"
#undef MP_EXC
};
static constexpr bool derives(Exc kind, Exc from) {
  while (kind != from) {
    Exc base = kBaseOf[static_cast<size_t>(kind)];
    if (base == kind) return false;
    kind = base;
  }
  return true;
}

Exc builtin_kind(Thread& t, const Type* type) {
  for (const Type* each = type; each != nullptr; each = each->base.load())
    if (!each->has(kTypeHeap))
      for (size_t i = 0; i < static_cast<size_t>(Exc::kCount); ++i)
        if (t.types().exceptions[i] == each) return static_cast<Exc>(i);
  return Exc::BaseException;
}

// ---------------------------------------------------------------- initialisation

static Status no_keywords(Thread& t, ExceptionObject* e, const CallArgs& args) {
  if (keyword_count(args) == 0) return {};
  return t.raise(Exc::TypeError, "{}() takes no keyword arguments", type_name(e->type()));
}

// Keywords `names` go to fields[first], fields[first + 1], ...
static Status take_keywords(Thread& t, const char* who, ExceptionObject* e, const CallArgs& args,
                            std::initializer_list<const char*> names, int first) {
  if (args.keyword_names.is_empty()) return {};
  auto* given = args.keyword_names.as<TupleObject>();
  for (size_t k = 0; k < given->size; ++k) {
    int i = first;
    bool known = false;
    for (const char* name : names) {
      if (str_equal((*given)[k].as<StrObject>(), std::string_view(name))) {
        e->fields[i] = args.values[args.count + k];
        known = true;
      }
      ++i;
    }
    if (!known)
      return unexpected_keyword(t, std::string(who) + "()", str_text(t, (*given)[k]),
                                {names.begin(), names.end()});
  }
  return {};
}

static Status init_os_error(Thread& t, ExceptionObject* e, const CallArgs& args) {
  TRY(no_keywords(t, e, args));
  if (args.count < 2 || args.count > 5) return {};
  e->fields[kOsErrno] = args.values[0];
  e->fields[kOsStrerror] = args.values[1];
  if (args.count > 2) {
    Value filename = args.values[2];
    Type* type = e->type();
    if (is_subtype(type, t.types().exception(Exc::BlockingIOError)) && is_any_int(filename)) {
      e->fields[kOsWritten] = filename;
    } else if (!filename.is_none()) {
      e->fields[kOsFilename] = filename;
      if (args.count > 4 && !args.values[4].is_none()) e->fields[kOsFilename2] = args.values[4];
      // Only errno and strerror stay in args.
      e->args = Value(make_tuple(t, {args.values[0], args.values[1]}));
    }
  }
  return {};
}

static Status init_syntax_error(Thread& t, ExceptionObject* e, const CallArgs& args) {
  TRY(no_keywords(t, e, args));
  if (args.count >= 1) e->fields[kSyntaxMsg] = args.values[0];
  if (args.count == 2) {
    Value info = TRY(to_tuple(t, args.values[1]));
    auto* tuple = info.as<TupleObject>();
    if (tuple->size < 4 || tuple->size > 6 || tuple->size == 5) {
      if (tuple->size == 5)
        return t.raise(Exc::TypeError, "end_offset must be provided when end_lineno is provided");
      return t.raise(Exc::TypeError, "function takes {} {} arguments ({} given)",
                     tuple->size < 4 ? "at least" : "at most", tuple->size < 4 ? 4 : 6, tuple->size);
    }
    for (size_t i = 0; i < tuple->size; ++i) e->fields[kSyntaxFilename + i] = (*tuple)[i];
    if (tuple->size < 6) {
      e->fields[kSyntaxEndLine] = kEmpty;
      e->fields[kSyntaxEndOffset] = kEmpty;
    }
  }
  return {};
}

Status initialise_exception(Thread& t, ExceptionObject* e, Exc kind, const CallArgs& args) {
  if (derives(kind, Exc::OSError)) return init_os_error(t, e, args);
  if (derives(kind, Exc::ImportError) || derives(kind, Exc::NameError) || kind == Exc::AttributeError)
    for (int i = 0; i < 4; ++i) e->fields[i] = kEmpty;  // __init__ may run again
  if (derives(kind, Exc::ImportError)) {
    if (args.count == 1) e->fields[kImportMsg] = args.values[0];
    return take_keywords(t, "ImportError", e, args, {"name", "path", "name_from"}, kImportName);
  }
  if (derives(kind, Exc::NameError)) return take_keywords(t, "NameError", e, args, {"name"}, kNameName);
  if (kind == Exc::AttributeError)
    return take_keywords(t, "AttributeError", e, args, {"name", "obj"}, kNameName);
  TRY(no_keywords(t, e, args));
  if (kind == Exc::StopIteration) {
    e->fields[0] = args.count > 0 ? args.values[0] : kNone;
  } else if (kind == Exc::SystemExit) {
    if (args.count == 1)
      e->fields[0] = args.values[0];
    else if (args.count > 1)
      e->fields[0] = e->args.get();
  } else if (derives(kind, Exc::SyntaxError)) {
    return init_syntax_error(t, e, args);
  } else if (kind == Exc::UnicodeEncodeError || kind == Exc::UnicodeDecodeError ||
             kind == Exc::UnicodeTranslateError) {
    return unicode_init(t, e, kind, args);
  }
  return {};
}

// OSError takes its arguments in __new__, unless the class overrides __init__ alone: then what that passes on
// counts.
static Result<bool> os_error_uses_init(Thread& t, Type* type) {
  Value make = TRY(resolve_new(t, type)), init = TRY(resolve_init(t, type));
  return is_kind(make, Kind::NativeFunction) && !is_kind(init, Kind::NativeFunction);
}

Result<Value> exception_new_raw(Thread& t, Value cls, const CallArgs& args) {
  auto* type = cls.as<Type>();
  if (type->has(kTypeAbstract) && type->has(kTypeHeap)) return object_new_raw(t, cls, {});
  Type* os_error = t.types().exception(Exc::OSError);
  bool is_os = is_subtype(type, os_error);
  if (type == os_error && args.count >= 2 && args.count <= 5 && args.values[0].is_int() &&
      keyword_count(args) == 0)
    type = t.types().exception(os_error_kind(static_cast<int>(args.values[0].as_int())));
  auto* e = t.heap().make<ExceptionObject>(t, type);
  e->args = Value(make_tuple(t, args.values, args.count));
  if (is_os) {
    if (TRY(os_error_uses_init(t, type)))
      e->args = empty_tuple(t);
    else
      TRY(init_os_error(t, e, args));
  }
  return e;
}

static Result<Value> exception_init(Thread& t, Value self, const CallArgs& args) {
  auto* e = exc(self);
  Exc kind = builtin_kind(t, e->type());
  if (derives(kind, Exc::OSError)) {
    if (!TRY(os_error_uses_init(t, e->type()))) return kNone;  // __new__ has done it
  }
  e->args = Value(make_tuple(t, args.values, args.count));
  TRY(initialise_exception(t, e, kind, args));
  return kNone;
}

// BaseException itself knows no fields: super().__init__() of a subclass may call it with anything.
Result<Value> exception_base_init(Thread& t, Value self, const CallArgs& args) {
  TRY(no_keywords(t, exc(self), args));
  exc(self)->args = Value(make_tuple(t, args.values, args.count));
  return kNone;
}

// ---------------------------------------------------------------- str and repr

Result<Value> base_str(Thread& t, Value self) {
  auto* args = exc(self)->args.get().as<TupleObject>();
  if (args == nullptr || args->size == 0) return empty_str(t);
  if (args->size == 1) return str(t, (*args)[0]);
  return str(t, Value(args));
}

Result<Value> base_repr(Thread& t, Value self) {
  auto* args = exc(self)->args.get().as<TupleObject>();
  std::string name = type_name(t, self);
  if (args == nullptr || args->size == 0) return make_str(t, name + "()");
  Value text = TRY(repr(t, args->size == 1 ? (*args)[0] : Value(args)));
  StrBuilder builder(t);
  builder.append(name);
  if (args->size == 1) builder.append("(");
  builder.append(text.as<StrObject>());
  if (args->size == 1) builder.append(")");
  return builder.finish();
}

static Result<Value> key_error_str(Thread& t, Value self) {
  auto* args = exc(self)->args.get().as<TupleObject>();
  if (args->size == 1) return repr(t, (*args)[0]);
  return base_str(t, self);
}

static Result<Value> os_error_str(Thread& t, Value self) {
  auto* e = exc(self);
  auto shown = [&](int i) {
    Value v = e->fields[i];
    return v.is_empty() ? kNone : v;
  };
  Value filename = e->fields[kOsFilename], filename2 = e->fields[kOsFilename2];
  if (!filename.is_empty() && !filename.is_none()) {
    std::string text = fmt::format("[Errno {}] {}: {}", str_text(t, shown(kOsErrno)),
                                   str_text(t, shown(kOsStrerror)), repr_text(t, filename));
    if (!filename2.is_empty() && !filename2.is_none()) text += " -> " + repr_text(t, filename2);
    return make_str(t, text);
  }
  Value number = e->fields[kOsErrno], text = e->fields[kOsStrerror];
  if (!number.is_empty() && !text.is_empty())
    return make_str(t, fmt::format("[Errno {}] {}", str_text(t, number), str_text(t, text)));
  return base_str(t, self);
}

static Result<Value> import_error_str(Thread& t, Value self) {
  Value msg = exc(self)->fields[kImportMsg];
  if (is_exact(msg, t.types().str)) return msg;
  return base_str(t, self);
}

static Result<Value> syntax_error_str(Thread& t, Value self) {
  auto* e = exc(self);
  Value msg = e->fields[kSyntaxMsg], file = e->fields[kSyntaxFilename], line = e->fields[kSyntaxLine];
  std::string text = str_text(t, msg.is_empty() ? kNone : msg);
  bool has_line = is_any_int(line) && !line.is_bool();
  std::string name;
  if (is_str(file)) {
    name = to_utf8(file.as<StrObject>());
    size_t slash = name.rfind('/');
    if (slash != std::string::npos) name = name.substr(slash + 1);
  }
  if (!is_str(file) && !has_line) return str(t, msg.is_empty() ? kNone : msg);
  if (is_str(file) && has_line)
    return make_str(t, fmt::format("{} ({}, line {})", text, name, str_text(t, line)));
  if (is_str(file)) return make_str(t, fmt::format("{} ({})", text, name));
  return make_str(t, fmt::format("{} (line {})", text, str_text(t, line)));
}

// ---------------------------------------------------------------- attributes of all exceptions

static Result<Value> get_args(Thread& t, Value self) {
  Value args = exc(self)->args;
  return args.is_empty() ? Value(empty_tuple(t)) : args;
}
static Status set_args(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::TypeError, "args may not be deleted");
  Value tuple = TRY(to_tuple(t, value));
  exc(self)->args = tuple;
  return {};
}
static Result<Value> get_traceback(Thread&, Value self) {
  Value v = exc(self)->traceback;
  return v.is_empty() ? kNone : v;
}
static Status set_traceback(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::TypeError, "__traceback__ may not be deleted");
  if (!value.is_none() && !is_kind(value, Kind::Traceback))
    return t.raise(Exc::TypeError, "__traceback__ must be a traceback or None");
  exc(self)->traceback = value.is_none() ? kEmpty : value;
  return {};
}
static Result<Value> get_context(Thread&, Value self) {
  Value v = exc(self)->context;
  return v.is_empty() ? kNone : v;
}
static Status set_context(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::TypeError, "__context__ may not be deleted");
  if (!value.is_none() && !is_exception(value))
    return t.raise(Exc::TypeError, "exception context must be None or derive from BaseException");
  exc(self)->context = value.is_none() ? kEmpty : value;
  return {};
}
static Result<Value> get_cause(Thread&, Value self) {
  Value v = exc(self)->cause;
  return v.is_empty() ? kNone : v;
}
static Status set_cause(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::TypeError, "__cause__ may not be deleted");
  if (!value.is_none() && !is_exception(value))
    return t.raise(Exc::TypeError, "exception cause must be None or derive from BaseException");
  exc(self)->cause = value.is_none() ? kEmpty : value;
  exc(self)->suppress_context = true;
  return {};
}
static Result<Value> get_suppress(Thread&, Value self) {
  return Value::from_bool(exc(self)->suppress_context);
}
static Status set_suppress(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::TypeError, "can't delete numeric/char attribute");
  if (!value.is_bool()) return t.raise(Exc::TypeError, "attribute value type must be bool");
  exc(self)->suppress_context = value.is_true();
  return {};
}
static Result<Value> get_dict(Thread& t, Value self) { return instance_dict(t, self.as_object()); }
static Status set_dict(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::TypeError, "cannot delete __dict__");
  return instance_set_dict(t, self.as_object(), value);
}

static Result<Value> with_traceback(Thread& t, const Value* args) {
  TRY(set_traceback(t, args[0], args[1]));
  return args[0];
}
static Result<Value> add_note(Thread& t, const Value* args) {
  if (!is_str(args[1])) return t.raise(Exc::TypeError, "note must be a str, not '{}'", type_name(t, args[1]));
  Value notes = TRY(get_attr_or_not_found(t, args[0], t.names().__notes__));
  if (notes.is_not_found()) {
    notes = make_list(t);
    TRY(set_attr(t, args[0], t.names().__notes__, notes));
  }
  if (!is_list(notes)) return t.raise(Exc::TypeError, "Cannot add note: __notes__ is not a list");
  TRY(list_append(t, notes.as<ListObject>(), args[1]));
  return kNone;
}
static Value own_attributes(Thread& t, ExceptionObject* e) {
  return instance_attr_count(t, e) > 0 ? Value(instance_attrs_copy(t, e)) : kNone;
}
static Result<Value> base_reduce(Thread& t, const Value* args) {
  auto* e = exc(args[0]);
  Value dict = own_attributes(t, e);
  Value own_args = e->args;
  if (dict.is_none()) return make_tuple(t, {Value(e->type()), own_args});
  return make_tuple(t, {Value(e->type()), own_args, dict});
}
static Result<Value> os_error_reduce(Thread& t, const Value* args) {
  auto* e = exc(args[0]);
  Value own_args = e->args;
  Value filename = e->fields[kOsFilename], filename2 = e->fields[kOsFilename2];
  if (own_args.as<TupleObject>()->size == 2 && !filename.is_empty()) {
    auto& tuple = *own_args.as<TupleObject>();
    own_args = filename2.is_empty() ? make_tuple(t, {tuple[0], tuple[1], filename})
                                    : make_tuple(t, {tuple[0], tuple[1], filename, kNone, filename2});
  }
  Value dict = own_attributes(t, e);
  if (dict.is_none()) return make_tuple(t, {Value(e->type()), own_args});
  return make_tuple(t, {Value(e->type()), own_args, dict});
}
// Fields that are not in args travel in the state.
static Result<Value> fields_reduce(Thread& t, const Value* args) {
  auto* e = exc(args[0]);
  bool import = is_exception_of(t, args[0], Exc::ImportError);
  DictObject* state = instance_attrs_copy(t, e);
  auto put = [&](int field, const char* name) {
    Value v = e->fields[field];
    if (!v.is_empty()) (void)dict_set_text(t, state, name, v);
  };
  if (import) {
    put(kImportName, "name");
    put(kImportPath, "path");
    put(kImportNameFrom, "name_from");
  } else {
    put(kNameName, "name");
  }
  Value own_args = e->args;
  if (state->length() == 0) return make_tuple(t, {Value(e->type()), own_args});
  return make_tuple(t, {Value(e->type()), own_args, Value(state)});
}
static Result<Value> set_state(Thread& t, const Value* args) {
  if (args[1].is_none()) return kNone;
  if (!is_dict(args[1])) return t.raise(Exc::TypeError, "state is not a dictionary");
  size_t position = 0;
  Value key, value;
  while (dict_next(args[1].as<DictObject>(), &position, &key, &value)) {
    if (!is_str(key))
      return t.raise(Exc::TypeError, "attribute name must be string, not '{}'", type_name(t, key));
    TRY(set_attr(t, args[0], key.as<StrObject>(), value));
  }
  return kNone;
}

static Result<Value> get_written(Thread& t, Value self) {
  Value v = exc(self)->fields[kOsWritten];
  if (v.is_empty()) return raise_attribute_error(t, self, t.names().characters_written, "characters_written");
  return v;
}
static Status set_written(Thread& t, Value self, Value value) {
  if (value.is_empty() && exc(self)->fields[kOsWritten].get().is_empty())
    return raise_attribute_error(t, self, t.names().characters_written, "characters_written");
  if (!value.is_empty()) (void)TRY(to_ssize(t, value, Exc::ValueError));
  exc(self)->fields[kOsWritten] = value;
  return {};
}

static void trace_exception(Object* o, Tracer& tracer) {
  auto* e = static_cast<ExceptionObject*>(o);
  tracer.visit(e->args);
  tracer.visit(e->traceback);
  tracer.visit(e->cause);
  tracer.visit(e->context);
  tracer.visit(e->notes);
  tracer.visit_slots(e->fields, 8);
}

// ---------------------------------------------------------------- tables

static const NativeDef kBaseMethods[] = {
    MP_RAW_NEW(exception_new_raw, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_RAW_METHOD(exception_base_init, "__init__(self, /, *args, **kwargs)", nullptr),
    MP_METHOD(base_reduce, "__reduce__(self, /)", nullptr),
    MP_METHOD(set_state, "__setstate__(self, state, /)", nullptr),
    MP_METHOD(with_traceback, "with_traceback(self, tb, /)", "Set self.__traceback__ to tb and return self."),
    MP_METHOD(add_note, "add_note(self, note, /)", "Add a note to the exception"),
    MP_END};
static const NativeDef kInitMethods[] = {
    MP_RAW_METHOD(exception_init, "__init__(self, /, *args, **kwargs)", nullptr), MP_END};
static const NativeDef kOsMethods[] = {
    MP_RAW_NEW(exception_new_raw, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_RAW_METHOD(exception_init, "__init__(self, /, *args, **kwargs)", nullptr),
    MP_METHOD(os_error_reduce, "__reduce__(self, /)", nullptr), MP_END};
static const NativeDef kFieldMethods[] = {
    MP_RAW_METHOD(exception_init, "__init__(self, /, *args, **kwargs)", nullptr),
    MP_METHOD(fields_reduce, "__reduce__(self, /)", nullptr), MP_END};
static const GetSetDef kBaseGetSets[] = {{"args", get_args, set_args, nullptr},
                                         {"__traceback__", get_traceback, set_traceback, nullptr},
                                         {"__context__", get_context, set_context, "exception context"},
                                         {"__cause__", get_cause, set_cause, "exception cause"},
                                         {"__suppress_context__", get_suppress, set_suppress, nullptr},
                                         {"__dict__", get_dict, set_dict, nullptr},
                                         {}};
static const GetSetDef kStopGetSets[] = {{"value", get_field<0>, set_field<0>, "generator return value"}, {}};
static const GetSetDef kExitGetSets[] = {{"code", get_field<0>, set_field<0>, "exception code"}, {}};
static const GetSetDef kNameGetSets[] = {{"name", get_field<0>, set_field<0>, "name"}, {}};
static const GetSetDef kAttributeGetSets[] = {{"name", get_field<0>, set_field<0>, "attribute name"},
                                              {"obj", get_field<1>, set_field<1>, "object"},
                                              {}};
static const GetSetDef kImportGetSets[] = {
    {"msg", get_field<0>, set_field<0>, "exception message"},
    {"name", get_field<1>, set_field<1>, "module name"},
    {"path", get_field<2>, set_field<2>, "module path"},
    {"name_from", get_field<3>, set_field<3>, "name imported from module"},
    {}};
static const GetSetDef kOsGetSets[] = {{"errno", get_field<0>, set_field<0>, "POSIX exception code"},
                                       {"strerror", get_field<1>, set_field<1>, "exception strerror"},
                                       {"filename", get_field<2>, set_field<2>, "exception filename"},
                                       {"filename2", get_field<3>, set_field<3>, "second exception filename"},
                                       {"characters_written", get_written, set_written, nullptr},
                                       {}};
static const GetSetDef kSyntaxGetSets[] = {
    {"msg", get_field<0>, set_field<0>, "exception msg"},
    {"filename", get_field<1>, set_field<1>, "exception filename"},
    {"lineno", get_field<2>, set_field<2>, "exception lineno"},
    {"offset", get_field<3>, set_field<3>, "exception offset"},
    {"text", get_field<4>, set_field<4>, "exception text"},
    {"end_lineno", get_field<5>, set_field<5>, "exception end lineno"},
    {"end_offset", get_field<6>, set_field<6>, "exception end offset"},
    {"print_file_and_line", get_field<7>, set_field<7>, "exception print_file_and_line"},
    {}};

static constexpr const char* kExceptionNames[] = {
#define MP_EXC(name, base) #name,
#include "vm/core/exceptions.def"
#undef MP_EXC
};

static constexpr const char* doc_of(Exc kind) {
  switch (kind) {
#define MP_DOC(name, text) \
  case Exc::name:          \
    return text;
#include "vm/types/exception_docs.def"
#undef MP_DOC
    default: return nullptr;
  }
}

static TypeSpec spec_of(size_t index) {
  auto kind = static_cast<Exc>(index);
  TypeSpec spec{.name = kExceptionNames[index],
                .kind = Kind::Exception,
                .size = sizeof(ExceptionObject),
                .flags = kTypeBaseType,
                .doc = doc_of(kind)};
  switch (kind) {
    case Exc::BaseException:
      spec.flags |= kTypeHasDict | kTypeHasWeakref;
      spec.trace = trace_exception;
      spec.slots = MP_SLOTS(.repr = base_repr, .str = base_str);
      spec.methods = kBaseMethods;
      spec.getsets = kBaseGetSets;
      break;
    case Exc::BaseExceptionGroup:
      spec.slots = MP_SLOTS(.repr = group_repr, .str = group_str);
      spec.methods = kGroupMethods;
      spec.getsets = kGroupGetSets;
      break;
    case Exc::StopIteration:
      spec.methods = kInitMethods;
      spec.getsets = kStopGetSets;
      break;
    case Exc::SystemExit:
      spec.methods = kInitMethods;
      spec.getsets = kExitGetSets;
      break;
    case Exc::NameError:
      spec.methods = kFieldMethods;
      spec.getsets = kNameGetSets;
      break;
    case Exc::AttributeError:
      spec.methods = kFieldMethods;
      spec.getsets = kAttributeGetSets;
      break;
    case Exc::ImportError:
      spec.methods = kFieldMethods;
      spec.getsets = kImportGetSets;
      spec.slots = MP_SLOTS(.str = import_error_str);
      break;
    case Exc::KeyError: spec.slots = MP_SLOTS(.str = key_error_str); break;
    case Exc::OSError:
      spec.methods = kOsMethods;
      spec.getsets = kOsGetSets;
      spec.slots = MP_SLOTS(.str = os_error_str);
      break;
    case Exc::SyntaxError:
      spec.methods = kInitMethods;
      spec.getsets = kSyntaxGetSets;
      spec.slots = MP_SLOTS(.str = syntax_error_str);
      break;
    case Exc::UnicodeDecodeError:
    case Exc::UnicodeEncodeError:
    case Exc::UnicodeTranslateError:
      spec.methods = kInitMethods;
      spec.getsets = kUnicodeGetSets;
      spec.slots = MP_SLOTS(.str = unicode_str);
      break;
    default: break;
  }
  return spec;
}

template <size_t... I>
static std::array<TypeSpec, sizeof...(I)> all_specs(std::index_sequence<I...>) {
  return {spec_of(I)...};
}

void make_exception_types(Thread& t) {
  static const auto kSpecs = all_specs(std::make_index_sequence<static_cast<size_t>(Exc::kCount)>());
  auto& exceptions = t.types().exceptions;
  for (size_t i = 0; i < kSpecs.size(); ++i) {
    auto kind = static_cast<Exc>(i);
    Type* base = kind == Exc::BaseException ? t.types().object : exceptions[static_cast<size_t>(kBaseOf[i])];
    Type* second = kind == Exc::ExceptionGroup ? exceptions[static_cast<size_t>(Exc::Exception)] : nullptr;
    exceptions[i] = make_type_with_bases(t, kSpecs[i], base, second);
  }
  t.runtime().emergency_memory_error = make_exception(t, Exc::MemoryError, kEmpty);
}

}  // namespace mp
