// The module _io: open(), text_encoding(), and the types.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "stdlib/native/io.h"
#include "stdlib/native/io_orphans.h"
#include "vm/modules/modules.h"

namespace mp::io {

bool is_path_like(Thread& t, Value v) {
  Value method = type_lookup(t, type_of(t, v), t.names().__fspath__);
  return !method.is_not_found() && !method.is_none();
}
Result<Value> file_system_path(Thread& t, Value v) {
  if (is_str(v) || is_bytes(v)) return v;
  if (!is_path_like(t, v))
    return t.raise(Exc::TypeError, "expected str, bytes or os.PathLike object, not {}", type_name(t, v));
  Value path = TRY(call_special(t, v, t.names().__fspath__));
  if (is_str(path) || is_bytes(path)) return path;
  return t.raise(Exc::TypeError, "expected {}.__fspath__() to return str or bytes, not {}", type_name(t, v),
                 type_name(t, path));
}
Result<std::string> file_system_encode(Thread& t, Value path) {
  std::string out;
  TRY(encode_utf8_to(t, path.as<StrObject>(), "surrogateescape", out));
  return out;
}

namespace {

Status check_mode(Thread& t, const std::string& mode, bool* text, bool* binary, bool* creating, bool* reading,
                  bool* writing, bool* appending, bool* updating) {
  for (size_t i = 0; i < mode.size(); ++i) {
    bool* target = nullptr;
    switch (mode[i]) {
      case 'x': target = creating; break;
      case 'r': target = reading; break;
      case 'w': target = writing; break;
      case 'a': target = appending; break;
      case '+': target = updating; break;
      case 't': target = text; break;
      case 'b': target = binary; break;
      default: break;
    }
    if (target == nullptr || *target) return t.raise(Exc::ValueError, "invalid mode: '{}'", mode);
    *target = true;
  }
  return {};
}

}  // namespace

// open(file, mode='r', buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None)
Result<Value> open_file(Thread& t, const Value* args) {
  Value file = args[0];
  if (!is_any_int(file)) file = TRY(file_system_path(t, file));
  if (!is_str(args[1]))
    return t.raise(Exc::TypeError, "open() argument 'mode' must be str, not {}", type_name(t, args[1]));
  std::string mode = to_utf8(args[1].as<StrObject>());
  int64_t buffering = TRY(to_ssize(t, args[2]));
  for (int k = 3; k <= 5; ++k)
    if (!args[k].is_none() && !is_str(args[k]))
      return t.raise(Exc::TypeError, "open() argument '{}' must be str or None, not {}",
                     k == 3   ? "encoding"
                     : k == 4 ? "errors"
                              : "newline",
                     type_name(t, args[k]));
  bool text = false, binary = false, creating = false, reading = false, writing = false, appending = false,
       updating = false;
  TRY(check_mode(t, mode, &text, &binary, &creating, &reading, &writing, &appending, &updating));
  if (text && binary) return t.raise(Exc::ValueError, "can't have text and binary mode at once");
  if (creating + reading + writing + appending != 1)
    return t.raise(Exc::ValueError, "must have exactly one of create/read/write/append mode");
  if (binary && !args[3].is_none())
    return t.raise(Exc::ValueError, "binary mode doesn't take an encoding argument");
  if (binary && !args[4].is_none())
    return t.raise(Exc::ValueError, "binary mode doesn't take an errors argument");
  if (binary && !args[5].is_none())
    return t.raise(Exc::ValueError, "binary mode doesn't take a newline argument");
  if (binary && buffering == 1) {
    TRY(warn(
        t, Exc::RuntimeWarning,
        "line buffering (buffering=1) isn't supported in binary mode, the default buffer size will be used"));
    buffering = -1;
  }
  std::string raw_mode;
  if (creating) raw_mode += 'x';
  if (reading) raw_mode += 'r';
  if (writing) raw_mode += 'w';
  if (appending) raw_mode += 'a';
  if (updating) raw_mode += '+';
  Value raw = TRY(call(t, native_type(t, kFileIOSpec), {file, make_str(t, raw_mode), args[6], args[7]}));
  // From here on a failure closes the file.
  auto wrap = [&]() -> Result<Value> {
    bool line_buffering = false;
    int64_t size = buffering;
    if (size == 1 || (size < 0 && TRY(ask(t, raw, "isatty")))) {
      line_buffering = true;
      size = -1;
    }
    if (size < 0) size = std::max<int64_t>(kDefaultBufferSize, raw.as<FileIOObject>()->block_size);
    if (buffering == 0) {
      if (binary) return raw;
      return t.raise(Exc::ValueError, "can't have unbuffered text I/O");
    }
    const TypeSpec& buffer_spec = updating  ? kBufferedRandomSpec
                                  : reading ? kBufferedReaderSpec
                                            : kBufferedWriterSpec;
    Value buffered = TRY(call(t, native_type(t, buffer_spec), {raw, make_int(t, size)}));
    if (binary) {
      if (!reading || updating) track_writer(t, buffered);
      return buffered;
    }
    Value wrapper = TRY(call(t, native_type(t, kTextIOWrapperSpec),
                             {buffered, args[3], args[4], args[5], Value::from_bool(line_buffering)}));
    TRY(set_attr(t, wrapper, intern(t, "mode"), args[1]));
    if (!reading || updating) track_writer(t, wrapper);
    return wrapper;
  };
  Result<Value> result = wrap();
  if (result.is_error()) {
    Value exception = t.take_exception();
    if (call_method(t, raw, t.names().close).is_error()) t.clear_exception();
    t.restore_exception(exception);
  }
  return result;
}

Status warn_about_encoding(Thread& t, int stack_level) {
  if (!warns_about_encoding(t)) return {};
  return warn(t, Exc::EncodingWarning, "'encoding' argument not specified", stack_level);
}

namespace {

Result<Value> text_encoding(Thread& t, const Value* args) {
  if (!args[0].is_none()) return args[0];
  TRY(warn_about_encoding(t, TRY(to_c_int(t, args[1]))));
  return make_str(t, t.runtime().options.utf8_mode ? "utf-8" : "locale");
}
Result<Value> open_code(Thread& t, const Value* args) {
  Value values[8] = {args[0], make_str(t, "rb"), Value::from_int(-1), kNone, kNone, kNone, kTrue, kNone};
  return open_file(t, values);
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(open_file,
                "open(file, mode='r', buffering=-1, encoding=None, errors=None, newline=None, closefd=True, "
                "opener=None)",
                "Open file and return a stream.  Raise OSError upon failure."),
    MP_FUNCTION(open_code, "open_code(path)",
                "Opens the provided file with the intent to import the contents."),
    MP_FUNCTION(text_encoding, "text_encoding(encoding, stacklevel=2, /)",
                "A helper function to choose the text encoding."),
    MP_END};

Status init_io(Thread& t, ModuleObject* module) {
  TRY(module_add_int(t, module, "DEFAULT_BUFFER_SIZE", kDefaultBufferSize));
  TRY(module_add(t, module, "UnsupportedOperation", unsupported_operation_class(t)));
  TRY(module_add(t, module, "BlockingIOError", t.types().exception(Exc::BlockingIOError)));
  for (const TypeSpec* spec :
       {&kIOBaseSpec, &kRawIOBaseSpec, &kBufferedIOBaseSpec, &kTextIOBaseSpec, &kFileIOSpec, &kBytesIOSpec,
        &kBufferedReaderSpec, &kBufferedWriterSpec, &kBufferedRandomSpec, &kBufferedPairSpec,
        &kTextIOWrapperSpec, &kStringIOSpec, &kNewlineDecoderSpec})
    if (module_add_type(t, module, *spec) == nullptr) return Error{};
  return {};
}

}  // namespace
}  // namespace mp::io

namespace mp {
extern const ModuleSpec kIoModule;
const ModuleSpec kIoModule = {
    .name = "_io", .doc = nullptr, .functions = io::kFunctions, .init = io::init_io};

// The locales that PEP 538 puts in the place of "C": what they mean is no promise about the bytes on standard
// streams.
static bool locale_is_coerced() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* name = std::getenv(variable);
    if (name == nullptr || *name == '\0') continue;
    return std::strcmp(name, "C.UTF-8") == 0 || std::strcmp(name, "C.utf8") == 0 ||
           std::strcmp(name, "UTF-8") == 0;
  }
  return true;
}

// sys.stdin, sys.stdout, sys.stderr and their __x__ twins. A closed descriptor gives None, as in CPython.
Status set_up_standard_streams(Thread& t) {
  const RuntimeOptions& options = t.runtime().options;
  // PYTHONIOENCODING=ENCODING:ERRORS, either part may be missing; standard error keeps its error handler.
  const char* wish = options.ignore_environment ? nullptr : std::getenv("PYTHONIOENCODING");
  std::string encoding = wish != nullptr ? wish : "", handler;
  if (size_t colon = encoding.find(':'); colon != std::string::npos) {
    handler = encoding.substr(colon + 1);
    encoding.resize(colon);
  }
  if (encoding.empty()) encoding = "utf-8";
  for (int fd = 0; fd < 3; ++fd) {
    const char* name = fd == 0 ? "stdin" : fd == 1 ? "stdout" : "stderr";
    Value stream = kNone;
    if (fcntl(fd, F_GETFD) >= 0) {
      Value raw = TRY(call(t, native_type(t, io::kFileIOSpec),
                           {Value::from_int(fd), make_str(t, fd == 0 ? "rb" : "wb"), kFalse}));
      TRY(set_attr(t, raw, t.names().name,
                   make_str(t, fd == 0   ? "<stdin>"
                               : fd == 1 ? "<stdout>"
                                         : "<stderr>")));
      bool tty = isatty(fd) == 1;
      Value buffered = raw;  // -u: nothing between the text layer and the descriptor
      if (fd == 0 || !options.unbuffered)
        buffered = TRY(call(t, native_type(t, fd == 0 ? io::kBufferedReaderSpec : io::kBufferedWriterSpec),
                            {raw, Value::from_int(io::kDefaultBufferSize)}));
      Value errors = make_str(t, fd == 2 ? "backslashreplace" : "surrogateescape");
      if (fd != 2 && !options.utf8_mode && !locale_is_coerced()) errors = make_str(t, "strict");
      if (fd != 2 && !handler.empty()) errors = make_str(t, handler);
      bool line_buffering = tty || fd == 2 || (fd == 0);
      stream = TRY(call(t, native_type(t, io::kTextIOWrapperSpec),
                        {buffered, make_str(t, encoding), errors, fd == 0 ? kNone : Value(make_str(t, "\n")),
                         Value::from_bool(line_buffering && fd != 0), Value::from_bool(options.unbuffered)}));
      TRY(set_attr(t, stream, intern(t, "mode"), make_str(t, fd == 0 ? "r" : "w")));
    }
    TRY(dict_set_text(t, t.runtime().sys_module->dict, name, stream));
    TRY(dict_set_text(t, t.runtime().sys_module->dict, std::string("__") + name + "__", stream));
  }
  return {};
}
}  // namespace mp
