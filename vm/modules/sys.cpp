// The sys module: what the interpreter knows about itself.
#include <unistd.h>

#include <cfloat>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "vm/exec/interp.h"
#include "vm/exec/monitoring.h"
#include "vm/modules/import.h"
#include "vm/modules/modules.h"
#include "vm/protocol/protocol.h"
#include "vm/types/codec.h"
#include "vm/types/exception.h"
#include "vm/types/intern.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

// ---- exceptions

Value handled_exception(Thread& t) {
  for (HandledException* h = t.handled; h != nullptr; h = h->previous)
    if (!h->value.get().is_empty() && !h->value.get().is_none()) return h->value;
  return kNone;
}
Result<Value> sys_exception(Thread& t, const Value*) { return handled_exception(t); }
Result<Value> sys_exc_info(Thread& t, const Value*) {
  Value e = handled_exception(t);
  if (e.is_none()) return make_tuple(t, {kNone, kNone, kNone});
  Value traceback = e.as<ExceptionObject>()->traceback;
  return make_tuple(t, {type_of(t, e), e, traceback.is_empty() ? kNone : traceback});
}
Result<Value> sys_exit(Thread& t, const Value* args) {
  Value status = args[0];
  if (is_tuple(status))
    return t.raise_object(make_exception_args(t, Exc::SystemExit, status.as<TupleObject>()));
  if (status.is_none())  // no argument rather than None
    return t.raise_object(make_exception_args(t, Exc::SystemExit, empty_tuple(t)));
  return t.raise_value(Exc::SystemExit, status);
}
Result<Value> sys_excepthook(Thread& t, const Value* args) {
  Value text = TRY(excepthook_text(t, args[1], args[2]));
  Value err = dict_get_str(t.runtime().sys_module->dict, t.names().stderr);
  if (!err.is_not_found() && !err.is_none()) {
    TRY(call_method(t, err, t.names().write, {text}));
    Result<Value> flushed = call_method(t, err, t.names().flush);
    if (flushed.is_error()) t.clear_exception();
  }
  return kNone;
}
Result<Value> sys_displayhook(Thread& t, const Value* args) {
  Value v = args[0];
  if (v.is_none()) return kNone;
  DictObject* builtins = t.runtime().builtins_dict;
  TRY(dict_set_str(t, builtins, t.names()._, kNone));
  Value out = dict_get_str(t.runtime().sys_module->dict, t.names().stdout);
  if (out.is_not_found() || out.is_none()) return t.raise(Exc::RuntimeError, "lost sys.stdout");
  Value text = TRY(repr(t, v));
  TRY(call_method(t, out, t.names().write, {text}));
  TRY(call_method(t, out, t.names().write, {make_str_char(t, '\n')}));
  TRY(dict_set_str(t, builtins, t.names()._, v));
  return kNone;
}
Result<Value> sys_unraisablehook(Thread& t, const Value* args) {
  Value err = dict_get_str(t.runtime().sys_module->dict, t.names().stderr);
  if (err.is_not_found() || err.is_none()) return kNone;
  Value message = TRY(get_attr_or_not_found(t, args[0], intern(t, "err_msg")));
  if (message.is_not_found())
    return t.raise(Exc::TypeError, "sys.unraisablehook argument type must be UnraisableHookArgs");
  Value object = TRY(get_attr(t, args[0], "object"));
  Value exception = TRY(get_attr(t, args[0], "exc_value"));
  if (!is_exception(exception)) return kNone;
  std::string text =
      unraisable_text(t, exception, message.is_none() ? std::string() : str_text(t, message), object);
  TRY(call_method(t, err, t.names().write, {make_str(t, text)}));
  Result<Value> flushed = call_method(t, err, t.names().flush);
  if (flushed.is_error()) t.clear_exception();
  return kNone;
}
Result<Value> sys_breakpointhook(Thread& t, Value, const CallArgs& args) {
  const char* chosen = t.runtime().options.ignore_environment ? nullptr : std::getenv("PYTHONBREAKPOINT");
  std::string name = chosen != nullptr && *chosen != '\0' ? chosen : "pdb.set_trace";
  if (name == "0") return kNone;
  size_t dot = name.rfind('.');
  std::string module_name = dot == std::string::npos ? "builtins" : name.substr(0, dot);
  Result<Value> hook = kNotFound;
  if (!module_name.empty() && module_name.front() != '.' && module_name.back() != '.') {
    hook = import_module(t, module_name);
    if (hook.is_error() && !t.exception_matches(Exc::ImportError)) return Error{};
    if (hook.ok()) hook = get_attr(t, hook.value(), name.substr(dot == std::string::npos ? 0 : dot + 1));
    if (hook.is_error()) {
      if (!t.exception_matches(Exc::ImportError) && !t.exception_matches(Exc::AttributeError)) return Error{};
      t.clear_exception();
      hook = kNotFound;
    }
  }
  if (hook.value().is_not_found()) {
    TRY(warn(t, Exc::RuntimeWarning, "Ignoring unimportable $PYTHONBREAKPOINT: \"" + name + "\""));
    return kNone;
  }
  return call(t, hook.value(), args);
}

// ---- memory, strings, limits

Result<Value> sys_getsizeof(Thread& t, const Value* args) {
  Value size = TRY(call_special(t, args[0], t.names().__sizeof__));
  if (size.is_not_found()) {
    if (!args[1].is_empty()) return args[1];
    return t.raise(Exc::TypeError, "Type {} doesn't define __sizeof__", type_name(t, args[0]));
  }
  return size;
}
Result<Value> sys_intern(Thread& t, const Value* args) {
  if (!is_str(args[0]))
    return t.raise(Exc::TypeError, "intern() argument must be str, not {}", type_name(t, args[0]));
  if (args[0].as_object()->type() != t.types().str)
    return t.raise(Exc::TypeError, "can't intern {}", type_name(t, args[0]));
  return intern(t, args[0].as<StrObject>());
}
Result<Value> sys_is_interned(Thread& t, const Value* args) {
  if (!is_str(args[0]))
    return t.raise(Exc::TypeError, "_is_interned() argument must be str, not {}", type_name(t, args[0]));
  return Value::from_bool(is_interned(args[0].as<StrObject>()));
}
// All of them live for ever: `_only_immortal` asks for the same.
Result<Value> sys_getunicodeinternedsize(Thread& t, const Value*) {
  size_t count = 0;
  for (InternTable::Stripe& stripe : t.runtime().interned->stripes) {
    std::lock_guard<std::mutex> guard(stripe.mutex);
    count += stripe.used;
  }
  return make_int_unsigned(t, count);
}
// As in a CPython for a system without perf.
Result<Value> sys_activate_stack_trampoline(Thread& t, const Value*) {
  return t.raise(Exc::ValueError, "perf trampoline not available");
}
Result<Value> sys_deactivate_stack_trampoline(Thread&, const Value*) { return kNone; }
Result<Value> sys_is_stack_trampoline_active(Thread&, const Value*) { return kFalse; }
Result<Value> sys_getrefcount(Thread&, const Value*) {
  return Value::from_int(2);
}  // there are no counts; docs/COMPATIBILITY.md
Result<Value> sys_getdefaultencoding(Thread& t, const Value*) { return make_str(t, "utf-8"); }
Result<Value> sys_getfilesystemencodeerrors(Thread& t, const Value*) {
  return make_str(t, "surrogateescape");
}
Result<Value> sys_get_int_max_str_digits(Thread& t, const Value*) {
  return Value::from_int(t.runtime().int_max_str_digits.load());
}
Result<Value> sys_set_int_max_str_digits(Thread& t, const Value* args) {
  int64_t digits = TRY(to_ssize(t, args[0]));
  if (digits != 0 && (digits < 640 || digits > INT_MAX))
    return t.raise(Exc::ValueError, "maxdigits must be 0 or larger than 640");
  t.runtime().int_max_str_digits = static_cast<int32_t>(digits);
  return kNone;
}
Result<Value> sys_getallocatedblocks(Thread& t, const Value*) {
  return make_int(t, static_cast<int64_t>(t.heap().live_bytes() / 64));
}
Result<Value> sys_is_finalizing(Thread& t, const Value*) {
  return Value::from_bool(t.runtime().finalizing.load());
}
Result<Value> sys_is_gil_enabled(Thread& t, const Value*) {
  return Value::from_bool(!t.runtime().free_threaded.load());
}

Result<Value> sys_audit(Thread& t, Value, const CallArgs& args) {
  Value hooks = dict_get_text(t, t.runtime().sys_module->dict, "_audit_hooks");
  if (!is_list(hooks)) return kNone;
  if (args.count == 0) return t.raise(Exc::TypeError, "audit expected at least 1 argument, got 0");
  Value rest = make_tuple(t, args.values + 1, args.count - 1);
  auto* list = hooks.as<ListObject>();
  for (size_t i = 0; i < list->length(); ++i)
    if (Value hook = list->at(i); !hook.is_empty()) TRY(call(t, hook, {args.values[0], rest}));
  return kNone;
}
Result<Value> sys_addaudithook(Thread& t, const Value* args) {
  DictObject* dict = t.runtime().sys_module->dict;
  Value hooks = dict_get_text(t, dict, "_audit_hooks");
  if (!is_list(hooks)) {
    hooks = make_list(t);
    TRY(dict_set_text(t, dict, "_audit_hooks", hooks));
  }
  TRY(list_append(t, hooks.as<ListObject>(), args[0]));
  return kNone;
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(sys_exception, "exception()", "Return the current exception."),
    MP_FUNCTION(sys_exc_info, "exc_info()",
                "Return current exception information: (type, value, traceback)."),
    MP_FUNCTION(sys_exit, "exit(status=None, /)", "Exit the interpreter by raising SystemExit(status)."),
    MP_FUNCTION(sys_excepthook, "excepthook(exctype, value, traceback, /)",
                "Handle an exception by displaying it with a traceback on sys.stderr."),
    MP_FUNCTION(sys_displayhook, "displayhook(object, /)",
                "Print an object to sys.stdout and also save it in builtins._"),
    MP_FUNCTION(sys_unraisablehook, "unraisablehook(unraisable, /)", "Handle an unraisable exception."),
    MP_RAW_FUNCTION(sys_breakpointhook, "breakpointhook(*args, **kwargs)",
                    "This hook function is called by built-in breakpoint()."),
    MP_FUNCTION(sys_getsizeof, "getsizeof(object, default=?)", "Return the size of object in bytes."),
    MP_FUNCTION(sys_intern, "intern(string, /)", "``Intern'' the given string."),
    MP_FUNCTION(sys_is_interned, "_is_interned(string, /)", nullptr),
    MP_FUNCTION(sys_getunicodeinternedsize, "getunicodeinternedsize(*, _only_immortal=False)",
                "Return the number of elements of the unicode interned dictionary"),
    MP_FUNCTION(sys_activate_stack_trampoline, "activate_stack_trampoline(backend, /)",
                "Activate stack profiler trampoline *backend*."),
    MP_FUNCTION(sys_deactivate_stack_trampoline, "deactivate_stack_trampoline()",
                "Deactivate the current stack profiler trampoline backend."),
    MP_FUNCTION(sys_is_stack_trampoline_active, "is_stack_trampoline_active()",
                "Return *True* if a stack profiler trampoline is active."),
    MP_FUNCTION(sys_getrefcount, "getrefcount(object, /)", "Return the reference count of object."),
    MP_FUNCTION(sys_getdefaultencoding, "getdefaultencoding()",
                "Return the current default encoding used by the Unicode implementation."),
    MP_FUNCTION(sys_getdefaultencoding, "getfilesystemencoding()",
                "Return the encoding used to convert Unicode filenames to OS filenames."),
    MP_FUNCTION(sys_getfilesystemencodeerrors, "getfilesystemencodeerrors()", nullptr),
    MP_FUNCTION(sys_get_int_max_str_digits, "get_int_max_str_digits()",
                "Return the maximum string digits limit for non-binary int<->str conversions."),
    MP_FUNCTION(sys_set_int_max_str_digits, "set_int_max_str_digits(maxdigits)",
                "Set the maximum string digits limit for non-binary int<->str conversions."),
    MP_FUNCTION(sys_getallocatedblocks, "getallocatedblocks()",
                "Return the number of memory blocks currently allocated."),
    MP_FUNCTION(sys_is_finalizing, "is_finalizing()", "Return True if Python is exiting."),
    MP_FUNCTION(sys_is_gil_enabled, "_is_gil_enabled()",
                "Return True if the GIL is currently enabled and False if it is disabled."),
    MP_RAW_FUNCTION(sys_audit, "audit(event, /, *args)", "Passes the event to any hooks that are attached."),
    MP_FUNCTION(sys_addaudithook, "addaudithook(hook)", "Adds a new audit hook callback."),
    MP_END};

// ---- struct sequences

constexpr const char* kVersionFields[] = {"major", "minor", "micro", "releaselevel", "serial", nullptr};
constexpr const char* kFlagFields[] = {"debug",
                                       "inspect",
                                       "interactive",
                                       "optimize",
                                       "dont_write_bytecode",
                                       "no_user_site",
                                       "no_site",
                                       "ignore_environment",
                                       "verbose",
                                       "bytes_warning",
                                       "quiet",
                                       "hash_randomization",
                                       "isolated",
                                       "dev_mode",
                                       "utf8_mode",
                                       "warn_default_encoding",
                                       "safe_path",
                                       "int_max_str_digits",
                                       "gil",
                                       "thread_inherit_context",
                                       "context_aware_warnings",
                                       nullptr};
constexpr const char* kFloatFields[] = {"max", "max_exp",  "max_10_exp", "min",   "min_exp", "min_10_exp",
                                        "dig", "mant_dig", "epsilon",    "radix", "rounds",  nullptr};
constexpr const char* kIntFields[] = {"bits_per_digit", "sizeof_digit", "default_max_str_digits",
                                      "str_digits_check_threshold", nullptr};
constexpr const char* kHashFields[] = {"width",     "modulus",   "inf",       "nan",    "imag",
                                       "algorithm", "hash_bits", "seed_bits", "cutoff", nullptr};
constexpr const char* kThreadFields[] = {"name", "lock", "version", nullptr};

Value sequence(Thread& t, const StructSequenceSpec& spec, std::initializer_list<Value> values) {
  return make_struct_sequence(t, struct_sequence_type(t, spec), values.begin(), values.size());
}
Value i(int64_t n) { return Value::from_int(n); }

ListObject* text_list(Thread& t, const std::vector<std::string>& items) {
  ListObject* list = make_list(t);
  for (const std::string& item : items)
    MP_BOOT(list_append(t, list, decode_utf8(t, item, "surrogateescape").take()));
  return list;
}

}  // namespace

void boot_failed(Thread& t, const char* file, int line, const char* expression) {
  std::fprintf(stderr, "minipy: start-up failed at %s:%d: %s: %s\n", file, line, expression,
               t.has_exception() ? str_text(t, t.current()).c_str() : "?");
  std::abort();
}

bool warns_about_encoding(Thread& t) {
  const RuntimeOptions& options = t.runtime().options;
  for (const std::string& option : options.x_options)
    if (option == "warn_default_encoding" || option.starts_with("warn_default_encoding=")) return true;
  const char* variable = options.ignore_environment ? nullptr : std::getenv("PYTHONWARNDEFAULTENCODING");
  return variable != nullptr && *variable != '\0';
}

void add_sys(Thread& t, ModuleObject* module) {
  Runtime& runtime = t.runtime();
  const RuntimeOptions& options = runtime.options;
  for (const NativeDef* def = kFunctions; def->signature != nullptr; ++def) add_native(t, module, *def);
  for (const NativeDef* def = kInterpreterSysFunctions; def->signature != nullptr; ++def)
    add_native(t, module, *def);
  for (const NativeDef* def = kThreadSysFunctions; def->signature != nullptr; ++def)
    add_native(t, module, *def);
  DictObject* dict = module->dict;
  auto add = [&](const char* name, Value value) { MP_BOOT(dict_set_text(t, dict, name, value)); };
  auto add_text = [&](const char* name, std::string_view text) { add(name, make_str(t, text)); };

  add_text("__doc__",
           "This module provides access to some objects used or maintained by the\n"
           "interpreter and to functions that interact strongly with the interpreter.");
  static const StructSequenceSpec kVersion = {"sys.version_info", kVersionFields, 5};
  Value final = make_str(t, "final");
  Value version = sequence(t, kVersion, {i(3), i(13), i(0), final, i(0)});
  add("version_info", version);
  add_text("version", "3.13.0 (minipy 0.1.0) [C++20]");
  add("hexversion", i(0x030d00f0));
  add("api_version", i(1013));
  add_text("copyright",
           "Copyright (c) 2026 the minipy authors.\nThe library modules from CPython: Copyright (c) Python "
           "Software Foundation.");
  add_text("platform", "linux");
  add_text("byteorder", "little");
  add("maxsize", make_int(t, INT64_MAX));
  add("maxunicode", i(0x10FFFF));
  add_text("executable", options.executable);
  add_text("_base_executable", options.executable);
  for (const char* name : {"prefix", "base_prefix", "exec_prefix", "base_exec_prefix"})
    add_text(name, "/usr");
  add_text("platlibdir", "lib");
  add_text("abiflags", "");
  add_text("float_repr_style", "short");
  Value nothing = t.runtime().empty_str;
  add("_git", make_tuple(t, {Value(make_str(t, "minipy")), nothing, nothing}));
  // A variable of the environment that may decide, or "".
  auto variable = [&](const char* name) -> std::string_view {
    const char* value = options.ignore_environment ? nullptr : std::getenv(name);
    return value != nullptr ? value : "";
  };
  std::string_view cache = variable("PYTHONPYCACHEPREFIX");
  for (const std::string& option : options.x_options)
    if (option == "pycache_prefix" || option.starts_with("pycache_prefix="))
      cache = std::string_view(option).substr(std::min(option.size(), std::strlen("pycache_prefix=")));
  add("pycache_prefix", cache.empty() ? kNone : Value(make_str(t, cache)));
  add("dont_write_bytecode", Value::from_bool(options.dont_write_bytecode));
  add("warnoptions", text_list(t, options.warn_options));
  DictObject* x_options = make_dict(t);
  for (const std::string& option : options.x_options) {
    size_t equals_sign = option.find('=');
    Value value =
        equals_sign == std::string::npos ? kTrue : Value(make_str(t, option.substr(equals_sign + 1)));
    MP_BOOT(dict_set_text(t, x_options, option.substr(0, equals_sign), value));
  }
  add("_xoptions", x_options);
  add("argv", text_list(t, options.argv));
  add("orig_argv", text_list(t, options.orig_argv.empty() ? options.argv : options.orig_argv));
  add("modules", runtime.modules);
  Value finder = importer(t);
  add("meta_path", make_list(t, &finder, 1));
  add("path_hooks", make_list(t));
  add("path_importer_cache", make_dict(t));
  add("path", make_list(t));

  // The command has checked the number.
  std::string digits(variable("PYTHONINTMAXSTRDIGITS"));
  for (const std::string& option : options.x_options)
    if (option.starts_with("int_max_str_digits=")) digits = option.substr(std::strlen("int_max_str_digits="));
  if (!digits.empty()) runtime.int_max_str_digits = std::atoi(digits.c_str());
  static const StructSequenceSpec kFlags = {"sys.flags", kFlagFields, 18};
  auto flag = [](bool b) { return Value::from_int(b ? 1 : 0); };
  bool randomised = variable("PYTHONHASHSEED") != "0";
  bool debug = variable("PYTHONDEBUG").find_first_not_of('0') != std::string_view::npos;
  add("flags", sequence(t, kFlags,
                        {flag(debug),
                         flag(options.inspect),
                         flag(options.interactive),
                         i(options.optimize),
                         flag(options.dont_write_bytecode),
                         flag(options.isolated || !variable("PYTHONNOUSERSITE").empty()),
                         flag(options.no_site),
                         flag(options.ignore_environment || options.isolated),
                         flag(options.verbose),
                         i(options.bytes_warning),
                         flag(options.quiet),
                         flag(randomised),
                         flag(options.isolated),
                         Value::from_bool(options.dev_mode),
                         flag(options.utf8_mode),
                         flag(warns_about_encoding(t)),
                         Value::from_bool(options.safe_path || options.isolated),
                         i(runtime.int_max_str_digits.load()),
                         i(options.gil ? 1 : 0),
                         i(0),
                         i(0)}));
  // There is one of each.
  for (const StructSequenceSpec* one : {&kVersion, &kFlags})
    struct_sequence_type(t, *one)->flags.fetch_or(kTypeDisallowNew, std::memory_order_relaxed);
  static const StructSequenceSpec kFloat = {"sys.float_info", kFloatFields, 11};
  add("float_info", sequence(t, kFloat,
                             {make_float(t, DBL_MAX), i(DBL_MAX_EXP), i(DBL_MAX_10_EXP),
                              make_float(t, DBL_MIN), i(DBL_MIN_EXP), i(DBL_MIN_10_EXP), i(DBL_DIG),
                              i(DBL_MANT_DIG), make_float(t, DBL_EPSILON), i(FLT_RADIX), i(1)}));
  static const StructSequenceSpec kInt = {"sys.int_info", kIntFields, 4};
  add("int_info", sequence(t, kInt, {i(30), i(4), i(4300), i(640)}));
  static const StructSequenceSpec kHash = {"sys.hash_info", kHashFields, 9};
  Value algorithm = make_str(t, "siphash13");
  add("hash_info", sequence(t, kHash,
                            {i(64), i((int64_t{1} << 61) - 1), i(314159), i(0), i(1000003), algorithm, i(64),
                             i(128), i(0)}));
  static const StructSequenceSpec kThreadInfo = {"sys.thread_info", kThreadFields, 3};
  char library_name[64] = "NPTL";
#ifdef _CS_GNU_LIBPTHREAD_VERSION
  confstr(_CS_GNU_LIBPTHREAD_VERSION, library_name, sizeof library_name);
#endif
  Value pthread = make_str(t, "pthread"), futex = make_str(t, "semaphore"),
        library = make_str(t, library_name);
  add("thread_info", sequence(t, kThreadInfo, {pthread, futex, library}));

  Value monitoring = make_monitoring_module(t);
  MP_BOOT(Result<Value>(monitoring));
  add("monitoring", monitoring);
  MP_BOOT(dict_set_text(t, runtime.modules, "sys.monitoring", monitoring));

  DictObject* implementation = make_dict(t);
  MP_BOOT(dict_set_text(t, implementation, "name", make_str(t, "minipy")));
  MP_BOOT(dict_set_text(t, implementation, "cache_tag", make_str(t, "minipy-313")));
  MP_BOOT(dict_set_text(t, implementation, "version", version));
  MP_BOOT(dict_set_text(t, implementation, "hexversion", i(0x030d00f0)));
  add("implementation", make_simple_namespace(t, implementation));

  ListObject* builtin_names = text_list(t, native_module_names());
  MP_BOOT(list_sort(t, builtin_names, kNone, false));
  add("builtin_module_names", list_to_tuple(t, builtin_names));
  std::vector<std::string> library_names = native_module_names();
  for (std::string& name : frozen_module_names())
    if (name.find('.') == std::string::npos) library_names.push_back(name);
  SetObject* names = make_set(t, t.types().frozenset);
  for (const std::string& name : library_names) MP_BOOT(set_add(t, names, make_str(t, name)));
  add("stdlib_module_names", names);

  for (const char* hook : {"displayhook", "excepthook", "unraisablehook", "breakpointhook"})
    add((std::string("__") + hook + "__").c_str(), dict_get_text(t, dict, hook));
}

}  // namespace mp
