// Compiling at run time: compile_source(), and the builtins compile, exec, eval.
#include "lang/compile.h"

#include <cstring>

#include "vm/exec/code_data.h"
#include "vm/exec/compile_errors.h"
#include "vm/exec/interp.h"
#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

constexpr uint32_t kOnlyAst = 0x400, kTypeComments = 0x1000, kTopLevelAwait = 0x2000,
                   kIncompleteInput = 0x4000, kDontImplyDedent = 0x200, kOptimizedAst = 0x8000 | kOnlyAst;
constexpr uint32_t kKnownFlags = lang::kCodeFutureMask | kOnlyAst | kTypeComments | kTopLevelAwait |
                                 kIncompleteInput | kDontImplyDedent | kOptimizedAst | 0x10;

}  // namespace

Error raise_diagnostic(Thread& t, const lang::Diagnostic& d, bool incomplete) {
  Exc kind = Exc::SyntaxError;
  switch (d.kind) {
    case lang::DiagnosticKind::IndentationError: kind = Exc::IndentationError; break;
    case lang::DiagnosticKind::TabError: kind = Exc::TabError; break;
    case lang::DiagnosticKind::ValueError: return t.raise(Exc::ValueError, "{}", d.message);
    case lang::DiagnosticKind::RecursionError: return t.raise(Exc::RecursionError, "{}", d.message);
    case lang::DiagnosticKind::MemoryError:
      return d.message.empty() ? t.raise_memory_error() : t.raise(Exc::MemoryError, "{}", d.message);
    default: break;
  }
  if (incomplete) kind = Exc::_IncompleteInputError;
  Value text = d.has_text ? Value(make_str(t, d.text)) : kNone;
  Value place;
  if (d.end_line != 0)
    place = make_tuple(t, {make_str(t, d.filename), make_int(t, d.line), make_int(t, d.offset), text,
                           make_int(t, d.end_line), make_int(t, d.end_offset)});
  else
    place = make_tuple(t, {make_str(t, d.filename), d.line == 0 ? kNone : make_int(t, d.line),
                           d.line == 0 ? kNone : make_int(t, d.offset), text});
  // codeop of 3.11 looks for the text, later ones for the type.
  Value args[2] = {make_str(t, incomplete ? "incomplete input" : d.message), place};
  Value e = TRY(call(t, t.types().exception(kind), CallArgs{args, 2, {}}));
  return t.raise_object(e);
}

// warnings.warn_explicit at the place; a filter that makes it an error makes a SyntaxError of it.
Status emit_compile_warning(Thread& t, const lang::Diagnostic& d) {
  Exc category =
      d.kind == lang::DiagnosticKind::DeprecationWarning ? Exc::DeprecationWarning : Exc::SyntaxWarning;
  DictObject* globals = t.frame != nullptr ? t.frame->globals : t.runtime().builtins_dict;
  Result<Value> module = import_name(t, intern(t, "warnings"), globals, kNone, kNone, 0);
  if (module.is_error()) {
    t.clear_exception();
    return {};
  }
  Value function = TRY(get_attr(t, module.value(), "warn_explicit"));
  Value args[4] = {make_str(t, d.message), t.types().exception(category), make_str(t, d.filename),
                   make_int(t, d.line)};
  if (call(t, function, CallArgs{args, 4, {}}).ok()) return {};
  if (!t.exception_matches(category)) return Error{};
  t.clear_exception();
  lang::Diagnostic error = d;
  error.kind = lang::DiagnosticKind::SyntaxError;
  return raise_diagnostic(t, error, false);
}

Result<Value> compile_source(Thread& t, const CompileRequest& request) {
  std::optional<lang::Diagnostic> broken;
  std::string filename(request.filename);
  if (!request.script && request.source.find('\0') != std::string_view::npos)
    return t.raise(Exc::SyntaxError, "source code string cannot contain null bytes");
  lang::Source source = request.decode ? lang::Source::from_bytes(request.source, filename, &broken)
                                       : lang::Source::from_text(request.source, filename, &broken);
  if (broken) return raise_diagnostic(t, *broken, false);
  lang::ParseOptions parse;
  parse.filename = filename;
  parse.mode = request.mode == "eval"     ? lang::Mode::Eval
               : request.mode == "single" ? lang::Mode::Single
                                          : lang::Mode::Exec;
  parse.allow_incomplete = (request.flags & kIncompleteInput) != 0;
  parse.top_level_await = (request.flags & kTopLevelAwait) != 0;
  lang::CompileOptions options;
  options.optimize = request.optimize >= 0 ? request.optimize : t.runtime().options.optimize;
  options.top_level_await = parse.top_level_await;
  options.future_flags = request.flags & lang::kCodeFutureMask;
  options.filename = filename;
  lang::CompileResult result = lang::compile_source(source, parse, options);
  if (!result.ok()) {
    if (result.error) return raise_diagnostic(t, *result.error, result.incomplete && parse.allow_incomplete);
    return t.raise(Exc::SyntaxError, "invalid syntax");
  }
  if (result.incomplete && parse.allow_incomplete) {
    lang::Diagnostic wants_blank_line;
    wants_blank_line.filename = filename;
    return raise_diagnostic(t, wants_blank_line, true);
  }
  for (const lang::Diagnostic& warning : result.warnings) TRY(emit_compile_warning(t, warning));
  return link_code(t, std::shared_ptr<const lang::CodeUnit>(std::move(result.unit)));
}

namespace {

Result<std::string> filename_text(Thread& t, Value v) {
  if (is_str(v)) return to_utf8(v.as<StrObject>());
  if (is_bytes(v)) return std::string(v.as<BytesObject>()->view());
  Value path = TRY(call_special(t, v, t.names().__fspath__));
  if (path.is_not_found())
    return t.raise(Exc::TypeError, "expected str, bytes or os.PathLike object, not {}", type_name(t, v));
  if (is_str(path)) return to_utf8(path.as<StrObject>());
  if (is_bytes(path)) return std::string(path.as<BytesObject>()->view());
  return t.raise(Exc::TypeError, "expected {}.__fspath__() to return str or bytes, not {}", type_name(t, v),
                 type_name(t, path));
}

// The text to compile: keeps what it views alive in *holder.
struct SourceText {
  std::string text;
  bool decode = false;
};
Result<SourceText> source_text(Thread& t, Value v, const char* what, const char* kinds) {
  SourceText out;
  if (is_str(v)) {
    if (!os::has_room(v.as<StrObject>()->byte_size() * 2)) return t.raise_memory_error();
    out.text = to_utf8(v.as<StrObject>());
    return out;
  }
  Result<std::string_view> view = bytes_view(t, v);
  if (view.is_error()) {
    if (!t.catch_exception(Exc::TypeError)) return Error{};
    return t.raise(Exc::TypeError, "{} must be a {}", what, kinds);
  }
  if (!os::has_room(view.value().size())) return t.raise_memory_error();
  out.text = std::string(view.value());
  out.decode = true;
  return out;
}

uint32_t inherited_flags(Thread& t) {
  return t.frame != nullptr ? t.frame->code->flags & lang::kCodeFutureMask : 0;
}

// compile(source, filename, mode, flags=0, dont_inherit=False, optimize=-1, *, _feature_version=-1)
Result<Value> builtin_compile(Thread& t, const Value* args) {
  std::string filename = TRY(filename_text(t, args[1]));
  if (!is_str(args[2]))
    return t.raise(Exc::TypeError, "compile() argument 'mode' must be str, not {}", type_name(t, args[2]));
  std::string mode = to_utf8(args[2].as<StrObject>());
  int64_t flags = TRY(to_int64(t, args[3]));
  bool dont_inherit = TRY(truth(t, args[4]));
  int64_t optimize = TRY(to_int64(t, args[5]));
  if ((flags & ~int64_t{kKnownFlags}) != 0) return t.raise(Exc::ValueError, "compile(): unrecognised flags");
  if (optimize < -1 || optimize > 2) return t.raise(Exc::ValueError, "compile(): invalid optimize value");
  if (!dont_inherit) flags |= inherited_flags(t);
  if (mode != "exec" && mode != "eval" && mode != "single" && mode != "func_type")
    return t.raise(Exc::ValueError, "compile() mode must be 'exec', 'eval' or 'single'");
  if (mode == "func_type" && (flags & kOnlyAst) == 0)
    return t.raise(Exc::ValueError, "compile() mode 'func_type' requires flag PyCF_ONLY_AST");
  bool from_ast = false;
  if (!is_str(args[0]) && !is_bytes(args[0])) {
    Value body = TRY(get_attr_or_not_found(t, args[0], t.names()._fields));
    from_ast = !body.is_not_found();
  }
  if (from_ast || (flags & kOnlyAst) != 0) {
    // The module _ast knows the node classes: _compile(source, filename, mode, flags, optimize).
    Value module = TRY(import_name(t, intern(t, "_ast"), t.runtime().builtins_dict, kNone, kNone, 0));
    Value function = TRY(get_attr(t, module, "_compile"));
    return call(t, function,
                {args[0], make_str(t, filename), args[2], make_int(t, flags), make_int(t, optimize)});
  }
  SourceText source = TRY(source_text(t, args[0], "compile() arg 1", "string, bytes or AST object"));
  CompileRequest request;
  request.source = source.text;
  request.decode = source.decode;
  request.filename = filename;
  request.mode = mode;
  request.flags = static_cast<uint32_t>(flags);
  request.optimize = static_cast<int>(optimize);
  return compile_source(t, request);
}

Status add_builtins(Thread& t, DictObject* globals) {
  if (!dict_get_str(globals, t.names().__builtins__).is_not_found()) return {};
  DictObject* builtins = t.frame != nullptr ? t.frame->builtins : t.runtime().builtins_dict;
  return dict_set_str(t, globals, t.names().__builtins__, builtins);
}

bool is_mapping(Thread& t, Value v) { return is_dict(v) || type_of(t, v)->slots.get_item != nullptr; }

// Fills in the namespaces that exec() and eval() use when they are not given.
Status choose_namespaces(Thread& t, Value* globals, Value* locals) {
  if (globals->is_none()) {
    if (t.frame == nullptr) return t.raise(Exc::SystemError, "globals and locals cannot be NULL");
    *globals = t.frame->globals;
    if (locals->is_none()) *locals = TRY(frame_locals_snapshot(t, t.frame));
  } else if (locals->is_none()) {
    *locals = *globals;
  }
  return {};
}

Result<Value> run_in(Thread& t, CodeObject* code, Value globals, Value locals, Value closure) {
  if (closure.is_empty()) return run_code(t, code, globals.as<DictObject>(), locals);
  FunctionObject* function = make_function(t, code, globals.as<DictObject>());
  function->closure = closure;
  return run_function_with_locals(t, function, locals);
}

Result<Value> builtin_exec(Thread& t, const Value* args) {
  Value globals = args[1], locals = args[2], closure = args[3];
  if (!globals.is_none() && !is_dict(globals))
    return t.raise(Exc::TypeError, "exec() globals must be a dict, not {}", type_name(t, globals));
  if (!locals.is_none() && !is_mapping(t, locals))
    return t.raise(Exc::TypeError, "locals must be a mapping or None, not {}", type_name(t, locals));
  TRY(choose_namespaces(t, &globals, &locals));
  TRY(add_builtins(t, globals.as<DictObject>()));
  if (closure.is_none()) closure = kEmpty;
  if (is_kind(args[0], Kind::Code)) {
    auto* code = args[0].as<CodeObject>();
    if (code->free_count == 0) {
      if (!closure.is_empty()) return t.raise(Exc::TypeError, "cannot use a closure with this code object");
    } else {
      bool right = is_exact(closure, t.types().tuple) && closure.as<TupleObject>()->size == code->free_count;
      for (size_t i = 0; right && i < code->free_count; ++i)
        right = is_kind((*closure.as<TupleObject>())[i], Kind::Cell);
      if (!right)
        return t.raise(Exc::TypeError, "code object requires a closure of exactly length {}",
                       code->free_count);
    }
    TRY(run_in(t, code, globals, locals, closure));
    return kNone;
  }
  if (!closure.is_empty())
    return t.raise(Exc::TypeError, "closure can only be used when source is a code object");
  SourceText source = TRY(source_text(t, args[0], "exec() arg 1", "string, bytes or code object"));
  CompileRequest request;
  request.source = source.text;
  request.decode = source.decode;
  request.flags = inherited_flags(t);
  Value code = TRY(compile_source(t, request));
  TRY(run_in(t, code.as<CodeObject>(), globals, locals, kEmpty));
  return kNone;
}

Result<Value> builtin_eval(Thread& t, const Value* args) {
  Value globals = args[1], locals = args[2];
  if (!locals.is_none() && !is_mapping(t, locals)) return t.raise(Exc::TypeError, "locals must be a mapping");
  if (!globals.is_none() && !is_dict(globals))
    return t.raise(Exc::TypeError, "{}",
                   is_mapping(t, globals) ? "globals must be a real dict; try eval(code, {}, mapping)"
                                          : "globals must be a dict");
  TRY(choose_namespaces(t, &globals, &locals));
  TRY(add_builtins(t, globals.as<DictObject>()));
  if (is_kind(args[0], Kind::Code)) {
    if (args[0].as<CodeObject>()->free_count != 0)
      return t.raise(Exc::TypeError, "code object passed to eval() may not contain free variables");
    return run_in(t, args[0].as<CodeObject>(), globals, locals, kEmpty);
  }
  SourceText source = TRY(source_text(t, args[0], "eval() arg 1", "string, bytes or code object"));
  size_t start = source.text.find_first_not_of(" \t");
  CompileRequest request;
  request.source =
      std::string_view(source.text).substr(start == std::string::npos ? source.text.size() : start);
  request.decode = source.decode;
  request.mode = "eval";
  request.flags = inherited_flags(t);
  Value code = TRY(compile_source(t, request));
  return run_in(t, code.as<CodeObject>(), globals, locals, kEmpty);
}

}  // namespace

extern const NativeDef kCompileBuiltin, kExecBuiltin, kEvalBuiltin;
const NativeDef kCompileBuiltin = MP_FUNCTION(
    builtin_compile,
    "compile(source, filename, mode, flags=0, dont_inherit=False, optimize=-1, *, _feature_version=-1)",
    "Compile source into a code object that can be executed by exec() or eval().");
const NativeDef kExecBuiltin =
    MP_FUNCTION(builtin_exec, "exec(source, /, globals=None, locals=None, *, closure=None)",
                "Execute the given source in the context of globals and locals.");
const NativeDef kEvalBuiltin = MP_FUNCTION(builtin_eval, "eval(source, /, globals=None, locals=None)",
                                           "Evaluate the given source in the context of globals and locals.");

}  // namespace mp
