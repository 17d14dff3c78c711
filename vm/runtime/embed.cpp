// include/minipy/minipy.h on top of the VM: handles are roots, exceptions are translated, and outside of
// calls the host's thread is detached.
#include <algorithm>

#include "lang/compile.h"
#include "lang/disassembler.h"
#include "lang/frontend.h"
#include "lang/layout.h"
#include "minipy/minipy.h"
#include "vm/exec/atomicity.h"
#include "vm/exec/compile_errors.h"
#include "vm/exec/interp.h"
#include "vm/modules/modules.h"
#include "vm/protocol/protocol.h"
#include "vm/runtime/command.h"
#include "vm/threads/gil.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace minipy {

struct Handle::Node {
  std::weak_ptr<RuntimeState> state;
  mp::Value value;
  Node* previous = nullptr;
  Node* next = nullptr;
  ~Node();
};

struct RuntimeState : std::enable_shared_from_this<RuntimeState> {
  std::unique_ptr<mp::Runtime> runtime;
  std::unique_ptr<mp::BlockingRegion> outside;  // while the host's code runs
  Runtime* owner = nullptr;
  int depth = 0;
  Handle::Node* handles = nullptr;
  std::vector<std::unique_ptr<HostFunction>> functions;
  int finish_status = 0;
  mp::Thread& thread() { return runtime->main_thread(); }
  static void scan(void* context, mp::Tracer& tracer) {
    for (Handle::Node* node = static_cast<RuntimeState*>(context)->handles; node != nullptr;
         node = node->next)
      tracer.visit(node->value);
  }
};

Handle::Node::~Node() {
  std::shared_ptr<RuntimeState> owner = state.lock();
  if (owner == nullptr) return;
  if (previous != nullptr)
    previous->next = next;
  else
    owner->handles = next;
  if (next != nullptr) next->previous = previous;
}

// Attached while it lives. Calls nest: a host function runs inside a call.
class Inside {
 public:
  explicit Inside(RuntimeState& state) : state_(state) {
    if (state_.depth++ == 0) state_.outside.reset();
  }
  ~Inside() {
    if (--state_.depth == 0) state_.outside = std::make_unique<mp::BlockingRegion>(state_.thread());
  }
  Inside(const Inside&) = delete;
  mp::Thread& thread() { return state_.thread(); }

 private:
  RuntimeState& state_;
};

struct Access {
  static RuntimeState& state(Runtime& runtime) { return *runtime.state_; }
  static Handle wrap(RuntimeState& state, mp::Value value) {
    auto node = std::make_shared<Handle::Node>();
    node->state = state.weak_from_this();
    node->value = value;
    node->next = state.handles;
    if (state.handles != nullptr) state.handles->previous = node.get();
    state.handles = node.get();
    return Handle(std::move(node));
  }
  static mp::Value unwrap(const Handle& handle) {
    return handle.node_ == nullptr ? mp::kNone : handle.node_->value;
  }
  static std::shared_ptr<RuntimeState> state_of(const Handle& handle) {
    return handle.node_ == nullptr ? nullptr : handle.node_->state.lock();
  }
  // Throws the thread's current exception.
  [[noreturn]] static void rethrow(mp::Thread& t) {
    mp::Value exception = t.take_exception();
    mp::Result<mp::Value> text = mp::format_exception(t, exception);
    std::string traceback;
    if (text.ok())
      traceback = mp::to_utf8(text.value().as<mp::StrObject>());
    else
      t.clear_exception();
    throw Error(mp::type_name(t, exception), mp::str_text(t, exception), traceback);
  }
  static mp::Value check(mp::Thread& t, mp::Result<mp::Value> result) {
    if (result.is_error()) rethrow(t);
    return result.value();
  }
};

// ---- Handle

static RuntimeState& alive(const Handle& handle, std::shared_ptr<RuntimeState>& keep) {
  keep = Access::state_of(handle);
  if (keep == nullptr) throw Error("ReferenceError", "the handle is empty or its runtime is gone", "");
  return *keep;
}
bool Handle::is_none() const { return node_ == nullptr || node_->value.is_none(); }
std::int64_t Handle::to_int() const {
  std::shared_ptr<RuntimeState> keep;
  Inside inside(alive(*this, keep));
  auto result = mp::to_int64(inside.thread(), node_->value);
  if (result.is_error()) Access::rethrow(inside.thread());
  return result.value();
}
double Handle::to_double() const {
  std::shared_ptr<RuntimeState> keep;
  Inside inside(alive(*this, keep));
  auto result = mp::to_double(inside.thread(), node_->value);
  if (result.is_error()) Access::rethrow(inside.thread());
  return result.value();
}
bool Handle::truth() const {
  std::shared_ptr<RuntimeState> keep;
  Inside inside(alive(*this, keep));
  auto result = mp::truth(inside.thread(), node_->value);
  if (result.is_error()) Access::rethrow(inside.thread());
  return result.value();
}
std::string Handle::to_string() const {
  std::shared_ptr<RuntimeState> keep;
  Inside inside(alive(*this, keep));
  return mp::to_utf8(
      Access::check(inside.thread(), mp::str(inside.thread(), node_->value)).as<mp::StrObject>());
}
std::string Handle::repr() const {
  std::shared_ptr<RuntimeState> keep;
  Inside inside(alive(*this, keep));
  return mp::to_utf8(
      Access::check(inside.thread(), mp::repr(inside.thread(), node_->value)).as<mp::StrObject>());
}
Handle Handle::attribute(std::string_view name) const {
  std::shared_ptr<RuntimeState> keep;
  RuntimeState& state = alive(*this, keep);
  Inside inside(state);
  return Access::wrap(state,
                      Access::check(inside.thread(), mp::get_attr(inside.thread(), node_->value, name)));
}
void Handle::set_attribute(std::string_view name, const Handle& value) const {
  std::shared_ptr<RuntimeState> keep;
  Inside inside(alive(*this, keep));
  mp::Thread& t = inside.thread();
  if (mp::set_attr(t, node_->value, mp::intern(t, name), Access::unwrap(value)).is_error())
    Access::rethrow(t);
}
Handle Handle::operator()(std::initializer_list<Handle> arguments) const {
  std::shared_ptr<RuntimeState> keep;
  return alive(*this, keep).owner->call(*this, arguments);
}

// ---- Runtime

Runtime::Runtime(Options options) : state_(std::make_shared<RuntimeState>()) {
  mp::RuntimeOptions o;
  o.argv = options.argv;
  o.orig_argv = options.orig_argv;
  o.module_path = options.module_path;
  o.executable = options.executable;
  o.python_lib = options.python_lib;
  o.gil = options.gil;
  o.gil_policy = options.gil_policy;
  o.switch_interval = options.switch_interval;
  o.check_interval = options.check_interval;
  o.semantics = options.semantics;
  o.deadlock = options.deadlock;
  o.gil_statistics = options.gil_statistics;
  o.memory_limit = options.memory_limit;
  o.optimize = options.optimize;
  o.ignore_environment = options.ignore_environment;
  o.isolated = options.isolated;
  o.no_site = options.no_site;
  o.unbuffered = options.unbuffered;
  o.quiet = options.quiet;
  o.inspect = options.inspect;
  o.interactive = options.interactive;
  o.verbose = options.verbose;
  o.safe_path = options.safe_path;
  o.dev_mode = options.dev_mode;
  o.utf8_mode = options.utf8_mode;
  o.dont_write_bytecode = options.dont_write_bytecode;
  o.bytes_warning = options.bytes_warning;
  o.warn_options = options.warn_options;
  o.x_options = options.x_options;
  o.debug = options.debug;
  o.install_signal_handlers = options.install_signal_handlers;
  if (std::string problem; !mp::check_gil_options(o, &problem)) throw Error("ValueError", problem, "");
  state_->owner = this;
  state_->runtime = mp::Runtime::create(std::move(o));
  if (state_->runtime == nullptr) throw Error("MemoryError", "no memory for a runtime", "");
  state_->runtime->heap->add_root_scanner(&RuntimeState::scan, state_.get());
  state_->outside = std::make_unique<mp::BlockingRegion>(state_->thread());
}
Runtime::~Runtime() {
  finish();
  state_->outside.reset();
  state_->runtime->heap->remove_root_scanner(&RuntimeState::scan, state_.get());
  state_->runtime.reset();
}

bool Runtime::gil_enabled() {
  Inside inside(*state_);
  return !inside.thread().runtime().free_threaded.load();
}
void Runtime::set_gil_enabled(bool enabled) {
  Inside inside(*state_);
  mp::Thread& t = inside.thread();
  if (mp::set_gil_enabled(t, enabled).is_error()) Access::check(t, mp::Error{});
}
std::string Runtime::gil_policy() {
  Inside inside(*state_);
  return mp::gil_policy_info(inside.thread().runtime().gil->policy_id).name;
}
void Runtime::set_gil_policy(const std::string& name) {
  Inside inside(*state_);
  mp::GilPolicyId id;
  if (!mp::parse_gil_policy(name, &id)) throw Error("ValueError", mp::unknown_gil_policy(name), "");
  mp::Thread& t = inside.thread();
  if (mp::set_gil_policy(t, id).is_error()) Access::check(t, mp::Error{});
}
void Runtime::record_gil(bool on) {
  Inside inside(*state_);
  mp::set_gil_recording(inside.thread(), on);
}
std::string Runtime::gil_statistics() {
  Inside inside(*state_);
  return mp::gil_report(inside.thread(), mp::GilReportForm::Json);
}

static mp::Result<mp::Value> run_text(mp::Thread& t, std::string_view source, const std::string& filename,
                                      const char* mode) {
  mp::CompileRequest request;
  request.source = source;
  request.filename = filename;
  request.mode = mode;
  mp::Value code = TRY(mp::compile_source(t, request));
  mp::DictObject* globals = mp::main_module(t)->dict;
  return mp::run_code(t, code.as<mp::CodeObject>(), globals, globals);
}
void Runtime::exec(std::string_view source, const std::string& filename) {
  Inside inside(*state_);
  Access::check(inside.thread(), run_text(inside.thread(), source, filename, "exec"));
}
Handle Runtime::eval(std::string_view expression) {
  Inside inside(*state_);
  return Access::wrap(
      *state_, Access::check(inside.thread(), run_text(inside.thread(), expression, "<string>", "eval")));
}
Handle Runtime::import(std::string_view module) {
  Inside inside(*state_);
  return Access::wrap(*state_, Access::check(inside.thread(), mp::import_module(inside.thread(), module)));
}
Handle Runtime::call(const Handle& callee, std::initializer_list<Handle> arguments) {
  Inside inside(*state_);
  mp::Thread& t = inside.thread();
  std::vector<uint64_t> unwrapped;  // the handles keep the values alive
  for (const Handle& argument : arguments) unwrapped.push_back(Access::unwrap(argument).bits());
  static_assert(sizeof(uint64_t) == sizeof(mp::Value));
  mp::CallArgs call_arguments{reinterpret_cast<const mp::Value*>(unwrapped.data()), unwrapped.size(), {}};
  return Access::wrap(*state_, Access::check(t, mp::call(t, Access::unwrap(callee), call_arguments)));
}
Handle Runtime::none() { return Access::wrap(*state_, mp::kNone); }
Handle Runtime::make(std::int64_t value) {
  Inside inside(*state_);
  return Access::wrap(*state_, mp::make_int(inside.thread(), value));
}
Handle Runtime::make(double value) {
  Inside inside(*state_);
  return Access::wrap(*state_, mp::make_float(inside.thread(), value));
}
Handle Runtime::make(bool value) { return Access::wrap(*state_, mp::Value::from_bool(value)); }
Handle Runtime::make(std::string_view utf8) {
  Inside inside(*state_);
  mp::BytesObject* bytes = mp::make_bytes(inside.thread(), utf8);  // decoding checks what the host hands over
  return Access::wrap(*state_,
                      Access::check(inside.thread(),
                                    mp::call_method(inside.thread(), bytes, inside.thread().names().decode)));
}

namespace {
// A host function seen by scripts: a callable object.
struct HostFunctionObject : mp::Object {
  RuntimeState* state;
  HostFunction* function;
  mp::Slot name;
};
void trace_host_function(mp::Object* object, mp::Tracer& tracer) {
  tracer.visit(static_cast<HostFunctionObject*>(object)->name);
}
mp::Result<mp::Value> call_host(mp::Thread& t, mp::Value callee, const mp::CallArgs& args) {
  auto* object = callee.as<HostFunctionObject>();
  if (!args.keyword_names.is_empty())
    return t.raise(mp::Exc::TypeError, "{}() takes no keyword arguments", mp::str_text(t, object->name));
  RuntimeState& state = *object->state;
  if (&t != &state.thread())
    return t.raise(mp::Exc::RuntimeError, "{}(): host functions run on the runtime's main thread only",
                   mp::str_text(t, object->name));
  std::vector<Handle> arguments;
  for (size_t i = 0; i < args.count; ++i) arguments.push_back(Access::wrap(state, args.values[i]));
  ++state.depth;
  mp::Value result = mp::kErrorValue;
  std::string type, message;
  try {
    Handle returned = (*object->function)(*state.owner, arguments);
    result = Access::unwrap(returned);
  } catch (const Error& error) {
    type = error.type();
    message = error.message();
  } catch (const std::exception& error) {
    type = "RuntimeError";
    message = error.what();
  } catch (...) {
    type = "RuntimeError";
    message = "unknown C++ exception";
  }
  --state.depth;
  if (!result.is_error()) return result;
  mp::Value cls = mp::dict_get_text(t, t.runtime().builtins_dict, type);
  if (mp::is_type(cls) && cls.as<mp::Type>()->has(mp::kTypeExceptionSubclass)) {
    mp::Value exception = TRY(mp::call(t, cls, {mp::make_str(t, message)}));
    return t.raise_object(exception);
  }
  return t.raise(mp::Exc::RuntimeError, "{}: {}", type, message);
}
mp::Result<mp::Value> host_repr(mp::Thread& t, mp::Value self) {
  return mp::make_str(t, "<host function " + mp::str_text(t, self.as<HostFunctionObject>()->name) + ">");
}
const mp::TypeSpec kHostFunctionSpec = {.name = "minipy.host_function",
                                        .size = sizeof(HostFunctionObject),
                                        .flags = mp::kTypeDisallowNew,
                                        .trace = trace_host_function,
                                        .slots = MP_SLOTS(.repr = host_repr, .call = call_host)};
}  // namespace

void Runtime::define(const std::string& name, HostFunction function) {
  Inside inside(*state_);
  mp::Thread& t = inside.thread();
  state_->functions.push_back(std::make_unique<HostFunction>(std::move(function)));
  auto* object = t.heap().make<HostFunctionObject>(t, mp::native_type(t, kHostFunctionSpec));
  object->state = state_.get();
  object->function = state_->functions.back().get();
  object->name = mp::make_str(t, name);
  if (mp::dict_set_text(t, t.runtime().builtins_dict, name, object).is_error()) Access::rethrow(t);
}

int Runtime::run(const Command& command) {
  Inside inside(*state_);
  return mp::run_command(inside.thread(), command);
}
int Runtime::finish() {
  Inside inside(*state_);
  int status = state_->runtime->finalize();
  if (status != 0) state_->finish_status = status;
  return state_->finish_status;
}

// The text of a SyntaxError is the exception's affair.
[[noreturn]] static void throw_diagnostic(const mp::lang::Diagnostic& error) {
  Options options;
  options.python_lib = "none";
  Runtime runtime(options);
  Inside inside(Access::state(runtime));
  static_cast<void>(mp::raise_diagnostic(inside.thread(), error, false));
  Access::rethrow(inside.thread());
}

std::string Runtime::dump(std::string_view stage, std::string_view text, const std::string& filename) {
  using namespace mp::lang;
  std::optional<Diagnostic> error;
  Source source = Source::from_bytes(text, filename, &error);
  std::string out;
  Arena arena;
  ParseOptions options;
  options.filename = filename;
  if (!error && stage == "tokens") {
    out = dump_tokens(source, tokenize(source, arena, options.mode));
  } else if (!error && stage == "ast") {
    ParseResult parsed = parse(source, arena, options);
    if (parsed.ok())
      out = dump_ast(parsed.module, {.indent = 4}) + "\n";
    else
      error = parsed.error;
  } else if (!error) {
    CompileResult compiled = compile_source(source, options);
    if (compiled.ok())
      out = disassemble(*compiled.unit);
    else
      error = compiled.error;
  }
  if (error) throw_diagnostic(*error);
  return out;
}

std::string Runtime::atomicity(std::string_view text, const std::string& filename, int line) {
  using namespace mp::lang;
  std::optional<Diagnostic> error;
  Source source = Source::from_bytes(text, filename, &error);
  Arena arena;
  ParseResult parsed;
  CompileResult compiled;
  if (!error) {
    parsed = parse(source, arena);
    error = parsed.error;
  }
  if (!error) {
    compiled = compile(*parsed.module, source, arena);
    error = compiled.error;
  }
  if (error) throw_diagnostic(*error);
  uint32_t lines = source.line_count();
  if (lines > 1 && source.line_text(lines).empty()) --lines;  // behind the last newline
  if (line < 0 || static_cast<uint32_t>(line) > lines)
    throw Error("ValueError", "it has " + std::to_string(lines) + (lines == 1 ? " line" : " lines"), "");
  return mp::describe_atomicity(source, *parsed.module, *compiled.unit, static_cast<uint32_t>(line));
}

std::string version() { return "0.1.0"; }

}  // namespace minipy
