// Showing exceptions to the user: sys.excepthook, sys.unraisablehook, warnings.
#include <unistd.h>

#include <cstdlib>

#include "vm/exec/frame.h"
#include "vm/threads/thread_impl.h"
#include "vm/types/number.h"
#include "vm/types/traceback_internal.h"

namespace mp {

Result<Value> import_module(Thread& t, std::string_view dotted_name);  // vm/modules/modules.h, a layer up

static void write_raw(const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    ssize_t n = ::write(2, text.data() + done, text.size() - done);
    if (n <= 0) return;
    done += static_cast<size_t>(n);
  }
}

static Value sys_attribute(Thread& t, StrObject* name) {
  ModuleObject* sys = t.runtime().sys_module;
  return sys == nullptr || sys->dict == nullptr ? kNotFound : dict_get_str(sys->dict, name);
}

// To sys.stderr, or to descriptor 2 when there is none or it fails. Leaves no exception.
void write_stderr(Thread& t, const std::string& text) {
  Value stream = sys_attribute(t, t.names().stderr);
  if (stream.is_none()) return;
  if (stream.is_not_found()) return write_raw(text);
  auto written = call_method(t, stream, t.names().write, {Value(make_str(t, text))});
  if (written.is_error()) {
    t.clear_exception();
    return write_raw(text);
  }
  auto flushed = call_method(t, stream, t.names().flush);
  if (flushed.is_error()) t.clear_exception();
}

// CPython 3.13's rules: the environment decides, else whether standard error is a terminal.
static bool stderr_takes_colours(Thread& t) {
  auto variable = [&](const char* name) -> std::string_view {
    const char* value = t.runtime().options.ignore_environment ? nullptr : std::getenv(name);
    return value != nullptr ? value : "";
  };
  if (variable("PYTHON_COLORS") == "0") return false;
  if (variable("PYTHON_COLORS") == "1") return true;
  if (!variable("NO_COLOR").empty()) return false;
  if (!variable("FORCE_COLOR").empty()) return true;
  if (variable("TERM") == "dumb") return false;
  Value stream = sys_attribute(t, t.names().stderr);
  if (stream.is_not_found() || stream.is_none()) return false;
  auto number = call_method(t, stream, intern(t, "fileno"));
  if (number.is_error()) t.clear_exception();
  return number.ok() && number.value().is_int() && isatty(static_cast<int>(number.value().as_int())) == 1;
}

// Writes the exception as sys.__excepthook__ does.
void display_exception(Thread& t, Value exception) {
  auto text = format_exception(t, exception, stderr_takes_colours(t));
  if (text.is_error()) {
    t.clear_exception();
    return write_raw("<exception could not be shown>\n");
  }
  // Standard output first, so that both streams appear in order.
  Value out = sys_attribute(t, t.names().stdout);
  if (!out.is_not_found() && !out.is_none()) {
    auto flushed = call_method(t, out, t.names().flush);
    if (flushed.is_error()) t.clear_exception();
  }
  write_stderr(t, to_utf8(text.value().as<StrObject>()));
}

static Value traceback_of(Value exception) {
  Value tb = exception.as<ExceptionObject>()->traceback;
  return tb.is_empty() ? kNone : tb;
}

Result<Value> excepthook_text(Thread& t, Value exception, Value traceback) {
  if (!is_exception(exception))
    return str_or_error(make_str(
        t, exception.is_none()
               ? "NoneType: None\n"
               : fmt::format("TypeError: print_exception(): Exception expected for value, {} found\n",
                             type_name(t, exception))));
  // One that has no traceback keeps the one it is shown with.
  if (is_kind(traceback, Kind::Traceback) && traceback_of(exception).is_none())
    exception.as<ExceptionObject>()->traceback = traceback;
  return format_exception(t, exception);
}

void print_exception(Thread& t, Value exception) {
  Value saved = t.take_exception();
  Value hook = sys_attribute(t, t.names().excepthook);
  if (hook.is_not_found() || is_kind(hook, Kind::NativeFunction)) {
    if (hook.is_not_found() && t.runtime().sys_module != nullptr)
      write_stderr(t, "sys.excepthook is missing\n");
    display_exception(t, exception);
  } else {
    auto result = call(t, hook, {Value(type_of(t, exception)), exception, traceback_of(exception)});
    if (result.is_error()) {
      Value second = t.take_exception();
      write_stderr(t, "Error in sys.excepthook:\n");
      display_exception(t, second);
      write_stderr(t, "\nOriginal exception was:\n");
      display_exception(t, exception);
    }
  }
  t.restore_exception(saved);
}

// ---------------------------------------------------------------- unraisable

static const char* const kUnraisableFields[] = {"exc_type", "exc_value", "exc_traceback",
                                                "err_msg",  "object",    nullptr};
static const StructSequenceSpec kUnraisableSpec = {"UnraisableHookArgs", kUnraisableFields, 5, nullptr};

std::string unraisable_text(Thread& t, Value exception, const std::string& message, Value object) {
  std::string text;
  if (!object.is_empty() && !object.is_none())
    text = (message.empty() ? "Exception ignored in" : message) + ": " + repr_text(t, object) + "\n";
  else if (!message.empty())
    text = message + ":\n";
  Value tb = traceback_of(exception);
  if (!tb.is_none()) text += "Traceback (most recent call last):\n" + format_traceback(t, tb);
  return text + format_exception_only(t, exception);
}

void display_unraisable(Thread& t, Value exception, const std::string& message, Value object) {
  write_stderr(t, unraisable_text(t, exception, message, object));
}

// A collection has run code where the program did not ask for it: Ctrl-C is the program's.
static bool is_interruption(Thread& t, Value exception) {
  return t.impl->runs_uncalled_code() && !t.runtime().finalizing && exception == t.impl->interruption.get();
}

void write_unraisable(Thread& t, const char* where, Value object) {
  Value exception = t.take_exception();
  if (exception.is_empty()) return;
  if (is_interruption(t, exception)) {
    t.async_exception = exception;
    t.set_interrupt(kInterruptAsyncException);
    t.set_interrupt(kInterruptSignal);  // it is what a wait of the main thread looks for
    return;
  }
  // A plain word says where in the VM it happened; only a whole sentence replaces CPython's text.
  std::string message = where != nullptr && std::string_view(where).substr(0, 9) == "Exception" ? where : "";
  Value hook = sys_attribute(t, intern(t, "unraisablehook"));
  if (hook.is_not_found() || hook.is_none() || is_kind(hook, Kind::NativeFunction)) {
    display_unraisable(t, exception, message, object);
  } else {
    Value values[] = {Value(type_of(t, exception)), exception, traceback_of(exception),
                      message.empty() ? kNone : Value(make_str(t, message)),
                      object.is_empty() ? kNone : object};
    Value args = make_struct_sequence(t, struct_sequence_type(t, kUnraisableSpec), values, 5);
    auto result = call(t, hook, {args});
    if (result.is_error()) {
      Value second = t.take_exception();
      display_unraisable(t, second, "Exception ignored in sys.unraisablehook", hook);
    }
  }
  t.clear_exception();
}

// ---------------------------------------------------------------- warnings

// Its filters are complete when its import is.
static bool is_initializing(Thread& t, Value module) {
  if (!is_kind(module, Kind::Module)) return false;
  Value spec = dict_get_str(module.as<ModuleObject>()->dict, t.names().__spec__);
  if (spec.is_not_found()) return false;
  auto flag = get_attr_or_not_found(t, spec, intern(t, "_initializing"));
  if (flag.is_error()) t.clear_exception();
  return flag.ok() && flag.value() == kTrue;
}

// The module `warnings`, or not found: once the runtime ends, and where a finalizer warns while that module,
// or one that it needs, is being imported.
static Value warnings_module(Thread& t) {
  if (t.runtime().modules == nullptr) return kNotFound;
  auto imported = import_module(t, "warnings");
  if (imported.is_error()) {
    t.clear_exception();
    return kNotFound;
  }
  return is_initializing(t, imported.value()) ? kNotFound : imported.value();
}

// For where the module is not there to ask. With options -W or -X dev it has been imported before any script
// ran. (DeprecationWarning is shown in __main__: that is not looked at.)
static bool is_ignored_by_default(Thread& t, Exc category) {
  if (!t.runtime().options.warn_options.empty()) return false;
  return category == Exc::ResourceWarning || category == Exc::ImportWarning ||
         category == Exc::DeprecationWarning || category == Exc::PendingDeprecationWarning;
}

// Calls warnings.FUNCTION(arguments), where that module can be had; else `line` is written. `saved` is what
// was raised before.
static Status pass_to_warnings(Thread& t, Value saved, Value module, const char* function,
                               const std::string& line, std::initializer_list<Value> arguments) {
  if (module.is_not_found())
    write_stderr(t, line);
  else
    TRY(call(t, TRY(get_attr(t, module, function)), arguments));
  t.restore_exception(saved);
  return {};
}

Status warn(Thread& t, Exc category, const std::string& message, int stack_level) {
  Value saved = t.take_exception();
  Value module = warnings_module(t);
  Type* type = t.types().exception(category);
  if (module.is_not_found() && is_ignored_by_default(t, category)) {
    t.restore_exception(saved);
    return {};
  }
  return pass_to_warnings(t, saved, module, "warn", fmt::format("sys:1: {}: {}\n", type_name(type), message),
                          {Value(make_str(t, message)), Value(type), Value::from_int(stack_level)});
}

Status warn_at(Thread& t, Exc category, const std::string& message, Value filename, int line, Value globals,
               Value source) {
  Value saved = t.take_exception();
  Value module = warnings_module(t);
  Type* type = t.types().exception(category);
  Value name = kNone, registry = kNone;
  if (is_kind(globals, Kind::Dict)) {
    auto* names = globals.as<DictObject>();
    name = dict_get_text(t, names, "__name__");
    if (name.is_not_found()) name = kNone;
    registry = dict_get_text(t, names, "__warningregistry__");
    if (registry.is_not_found()) {
      registry = make_dict(t);
      TRY(dict_set(t, names, intern(t, "__warningregistry__"), registry));
    }
  }
  return pass_to_warnings(
      t, saved, module, "warn_explicit",
      fmt::format("{}:{}: {}: {}\n", str_text(t, filename), line, type_name(type), message),
      {Value(make_str(t, message)), Value(type), filename, make_int(t, line), name, registry, kNone, source});
}

}  // namespace mp
