// pyexpat: XML parsing by Expat. The parser object and the module; what its handlers get is in
// pyexpat_handlers.cpp.
#include "stdlib/native/pyexpat.h"

#include <climits>

#include "stdlib/native/native_error.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/buffer.h"
#include "vm/types/codec.h"
#include "vm/types/number.h"

namespace mp {

namespace expat {

namespace {

constexpr size_t kPiece = 1 << 20;  // Expat counts in int; between two pieces Ctrl-C is heard
constexpr int kReadSize = 2048;     // what ParseFile asks read() for
constexpr int kBufferSize = 8192;   // of buffer_text, until the script says otherwise

extern const TypeSpec kParserSpec;

void trace_parser(Object* o, Tracer& tracer) {
  auto* self = static_cast<ParserObject*>(o);
  tracer.visit(self->intern);
  tracer.visit_slots(self->handlers, kHandlerCount);
}

Result<Value> expat_error(Thread& t) {
  return native_error(t, "xml.parsers.expat", "ExpatError", Exc::Exception);
}

Error raise_expat(Thread& t, const ParserObject* self, XML_Error code) {
  XML_Size line, column;
  {
    Hold hold(t, self);
    line = XML_GetErrorLineNumber(self->parser());
    column = XML_GetErrorColumnNumber(self->parser());
  }
  std::string message = fmt::format("{}: line {}, column {}", XML_ErrorString(code), line, column);
  Value cls = TRY(expat_error(t));
  Value error = TRY(call(t, cls, {Value(make_str(t, message))}));
  TRY(set_attr(t, error, intern(t, "code"), Value::from_int(code)));
  TRY(set_attr(t, error, intern(t, "offset"), make_int(t, static_cast<int64_t>(column))));
  TRY(set_attr(t, error, intern(t, "lineno"), make_int(t, static_cast<int64_t>(line))));
  return t.raise_object(error);
}

// A str argument for Expat; `what` is "SetBase() argument" or the like.
Result<std::string> c_text(Thread& t, Value v, std::string_view what, bool may_be_none) {
  if (!is_str(v))
    return t.raise(Exc::TypeError, "{} must be str{}, not {}", what, may_be_none ? " or None" : "",
                   v.is_none() ? "None" : type_name(t, v));
  std::string text;
  TRY(encode_utf8_to(t, v.as<StrObject>(), "strict", text));
  if (text.find('\0') != std::string::npos) return t.raise(Exc::ValueError, "embedded null character");
  return text;
}
// The same where None or nothing means that there is none.
struct OptionalText {
  std::string text;
  bool given = false;
  const char* get() const { return given ? text.c_str() : nullptr; }
  Status set(Thread& t, Value v, std::string_view what) {
    given = !v.is_empty() && !v.is_none();
    if (given) text = TRY(c_text(t, v, what, true));
    return {};
  }
};

Value text_or_none(Thread& t, const char* text) { return text == nullptr ? kNone : Value(make_str(t, text)); }

ParserObject* self_of(const Value* args) { return args[0].as<ParserObject>(); }

// `parser` now belongs to the object.
ParserObject* make_parser(Thread& t, XML_Parser parser, std::shared_ptr<Expat> parent) {
  auto* self = t.heap().make<ParserObject>(t, native_type(t, kParserSpec));
  self->expat = std::make_shared<Expat>();
  self->expat->parser = parser;
  self->expat->mutex = parent != nullptr ? parent->mutex : std::make_shared<std::mutex>();
  self->expat->parent = std::move(parent);
  t.heap().register_native_finalizer(
      self, [](Object* o) { std::destroy_at(&static_cast<ParserObject*>(o)->expat); });
  self->intern = kNone;
  self->buffer_size = kBufferSize;
  connect(self);
  return self;
}

Result<Value> parser_create(Thread& t, const Value* args) {
  OptionalText encoding, separator;
  TRY(encoding.set(t, args[0], "ParserCreate() argument 'encoding'"));
  TRY(separator.set(t, args[1], "ParserCreate() argument 'namespace_separator'"));
  if (separator.text.size() > 1)
    return t.raise(Exc::ValueError, "namespace_separator must be at most one character, omitted, or None");
  if (!args[2].is_empty() && !args[2].is_none() && !is_dict(args[2]))
    return t.raise(Exc::TypeError, "intern must be a dictionary");
  XML_Parser parser = XML_ParserCreate_MM(encoding.get(), nullptr, separator.get());
  if (parser == nullptr) return t.raise_memory_error();
  ParserObject* self = make_parser(t, parser, nullptr);
  self->intern = args[2].is_empty() ? Value(make_dict(t)) : args[2];
#if XML_MAJOR_VERSION > 2 || XML_MINOR_VERSION >= 6
  self->reparse_deferral = true;
#endif
  return Value(self);
}

// ---------------------------------------------------------------- parsing

// The parse of one thread: a second one, or one from a handler, would change the memory that Expat is
// reading.
class Parsing {
 public:
  explicit Parsing(Thread& t) : thread_(t) {}
  ~Parsing() {
    if (self_ == nullptr) return;
    Hold hold(thread_, self_);
    self_->parsing = nullptr;
  }
  Parsing(const Parsing&) = delete;
  Status begin(ParserObject* self) {
    bool mine;
    {
      Hold hold(thread_, self);
      mine = self->parsing == nullptr;
      if (mine) self->parsing = &thread_;
    }
    if (!mine) return thread_.raise(Exc::RuntimeError, "reentrant call inside {}", repr_text(thread_, self));
    self_ = self;
    return {};
  }
  // Whether the parser takes more.
  Status check() {
    bool ready;
    {
      Hold hold(thread_, self_);
      ready = XML_GetBuffer(self_->parser(), kReadSize) != nullptr;
    }
    return ready ? Status() : raise_expat(thread_, self_, code());
  }
  // What was wrong with a piece.
  Status feed(std::string_view data, bool is_final) {
    XML_Status status;
    {
      Hold hold(thread_, self_);
      status = XML_Parse(self_->parser(), data.data(), static_cast<int>(data.size()), is_final);
    }
    if (thread_.has_exception()) return Error{};
    return status == XML_STATUS_ERROR ? raise_expat(thread_, self_, code()) : Status();
  }
  Result<Value> finish() {
    TRY(flush_text(thread_, self_));
    return Value::from_int(XML_STATUS_OK);
  }

 private:
  XML_Error code() {
    Hold hold(thread_, self_);
    return XML_GetErrorCode(self_->parser());
  }
  Thread& thread_;
  ParserObject* self_ = nullptr;
};

Result<Value> parser_parse(Thread& t, const Value* args) {
  TRY(t.check_stack(" while calling a Python object"));
  ParserObject* self = self_of(args);
  bool is_final = TRY(truth(t, args[2]));
  std::string copy;  // of what may change meanwhile
  std::string_view data;
  if (is_str(args[1])) {
    TRY(encode_utf8_to(t, args[1].as<StrObject>(), "strict", copy));
    data = copy;
  } else if (is_bytes(args[1])) {
    data = args[1].as<BytesObject>()->view();
  } else {
    HeldBuffer held;
    TRY(held.get(t, args[1]));
    copy = held.bytes();
    data = copy;
  }
  Parsing parsing(t);
  TRY(parsing.begin(self));
  if (is_str(args[1])) {
    Hold hold(t, self);
    XML_SetEncoding(self->parser(), "utf-8");
  }
  for (; data.size() > kPiece; data.remove_prefix(kPiece)) {
    TRY(parsing.feed(data.substr(0, kPiece), false));
    TRY(t.poll());
  }
  TRY(parsing.feed(data, is_final));
  return parsing.finish();
}

Result<Value> parser_parse_file(Thread& t, const Value* args) {
  TRY(t.check_stack(" while calling a Python object"));
  Value read = TRY(get_attr_or_not_found(t, args[1], intern(t, "read")));
  if (read.is_not_found()) return t.raise(Exc::TypeError, "argument must have 'read' attribute");
  Parsing parsing(t);
  TRY(parsing.begin(self_of(args)));
  for (bool is_final = false; !is_final;) {
    TRY(parsing.check());
    Value data = TRY(call(t, read, {Value::from_int(kReadSize)}));
    if (!is_bytes(data) && !is_kind(data, Kind::ByteArray))
      return t.raise(Exc::TypeError, "read() did not return a bytes object (type={})", type_name(t, data));
    HeldBuffer held;
    TRY(held.get(t, data));
    std::string piece(held.bytes());
    if (piece.size() > kReadSize)
      return t.raise(Exc::ValueError, "read() returned too much data: {} bytes requested, {} returned",
                     kReadSize, piece.size());
    is_final = piece.empty();
    TRY(parsing.feed(piece, is_final));
  }
  return parsing.finish();
}

// ---------------------------------------------------------------- other methods

Result<Value> set_base(Thread& t, const Value* args) {
  std::string base = TRY(c_text(t, args[1], "SetBase() argument", false));
  Hold hold(t, self_of(args));
  if (XML_SetBase(self_of(args)->parser(), base.c_str()) == XML_STATUS_ERROR) return t.raise_memory_error();
  return kNone;
}
Result<Value> get_base(Thread& t, const Value* args) {
  Hold hold(t, self_of(args));
  return text_or_none(t, XML_GetBase(self_of(args)->parser()));
}
Result<Value> get_input_context(Thread& t, const Value* args) {
  ParserObject* self = self_of(args);
  Hold hold(t, self);
  int offset, size;
  const char* input = self->in_callback ? XML_GetInputContext(self->parser(), &offset, &size) : nullptr;
  if (input == nullptr) return kNone;
  return str_or_error(make_bytes(t, {input + offset, static_cast<size_t>(size - offset)}));
}

Result<Value> external_entity_parser_create(Thread& t, const Value* args) {
  ParserObject* self = self_of(args);
  OptionalText context, encoding;
  TRY(context.set(t, args[1], "ExternalEntityParserCreate() argument 1"));
  if (!args[2].is_empty()) {
    encoding.text = TRY(c_text(t, args[2], "ExternalEntityParserCreate() argument 2", false));
    encoding.given = true;
  }
  Hold hold(t, self);
  XML_Parser parser = XML_ExternalEntityParserCreate(self->parser(), context.get(), encoding.get());
  if (parser == nullptr) return t.raise_memory_error();
  ParserObject* child = make_parser(t, parser, self->expat);
  child->intern = self->intern.get();
  child->buffer_size = self->buffer_size.load();
  child->buffer_text = self->buffer_text.load();
  child->ordered_attributes = self->ordered_attributes.load();
  child->specified_attributes = self->specified_attributes.load();
  child->namespace_prefixes = self->namespace_prefixes.load();
  child->reparse_deferral = self->reparse_deferral.load();
  for (int i = 0; i < kHandlerCount; ++i) {
    child->handlers[i] = self->handlers[i].get();
    if (!child->handlers[i].get().is_empty()) listen(child, static_cast<Handler>(i), true);
  }
  return Value(child);
}

Result<Value> set_param_entity_parsing(Thread& t, const Value* args) {
  int flag = TRY(to_c_int(t, args[1]));
  Hold hold(t, self_of(args));
  return Value::from_int(
      XML_SetParamEntityParsing(self_of(args)->parser(), static_cast<XML_ParamEntityParsing>(flag)));
}
Result<Value> use_foreign_dtd(Thread& t, const Value* args) {
  bool flag = TRY(truth(t, args[1]));
  XML_Error code;
  {
    Hold hold(t, self_of(args));
    code = XML_UseForeignDTD(self_of(args)->parser(), flag);
  }
  return code == XML_ERROR_NONE ? Result<Value>(kNone) : raise_expat(t, self_of(args), code);
}
Result<Value> set_reparse_deferral(Thread& t, const Value* args) {
  [[maybe_unused]] bool enabled = TRY(truth(t, args[1]));
#if XML_MAJOR_VERSION > 2 || XML_MINOR_VERSION >= 6
  Hold hold(t, self_of(args));
  if (XML_SetReparseDeferralEnabled(self_of(args)->parser(), enabled))
    self_of(args)->reparse_deferral = enabled;
#endif
  return kNone;
}
Result<Value> get_reparse_deferral(Thread&, const Value* args) {
  return Value::from_bool(self_of(args)->reparse_deferral);
}

const NativeDef kParserMethods[] = {
    MP_METHOD(parser_parse, "Parse(self, data, isfinal=False, /)",
              "Parse XML data.\n\n`isfinal' should be true at end of input."),
    MP_METHOD(parser_parse_file, "ParseFile(self, file, /)", "Parse XML data from file-like object."),
    MP_METHOD(set_base, "SetBase(self, base, /)", "Set the base URL for the parser."),
    MP_METHOD(get_base, "GetBase(self, /)", "Return base URL string for the parser."),
    MP_METHOD(get_input_context, "GetInputContext(self, /)",
              "Return the untranslated text of the input that caused the current event.\n\n"
              "If the event was generated by a large amount of text (such as a start tag\n"
              "for an element with many attributes), not all of the text may be available."),
    MP_METHOD(external_entity_parser_create, "ExternalEntityParserCreate(self, context, encoding=?, /)",
              "Create a parser for parsing an external entity based on the information passed to the "
              "ExternalEntityRefHandler."),
    MP_METHOD(set_param_entity_parsing, "SetParamEntityParsing(self, flag, /)",
              "Controls parsing of parameter entities (including the external DTD subset).\n\n"
              "Possible flag values are XML_PARAM_ENTITY_PARSING_NEVER,\n"
              "XML_PARAM_ENTITY_PARSING_UNLESS_STANDALONE and\n"
              "XML_PARAM_ENTITY_PARSING_ALWAYS. Returns true if setting the flag\nwas successful."),
    MP_METHOD(use_foreign_dtd, "UseForeignDTD(self, flag=True, /)",
              "Allows the application to provide an artificial external subset if one is not specified as "
              "part of the document instance.\n\n"
              "This readily allows the use of a 'default' document type controlled by the\n"
              "application, while still getting the advantage of providing document type\n"
              "information to the parser. 'flag' defaults to True if not provided."),
    MP_METHOD(set_reparse_deferral, "SetReparseDeferralEnabled(self, enabled, /)",
              "Enable/Disable reparse deferral; enabled by default with Expat >=2.6.0."),
    MP_METHOD(get_reparse_deferral, "GetReparseDeferralEnabled(self, /)",
              "Retrieve reparse deferral enabled status; always returns false with Expat <2.6.0."),
    MP_END};

// ---------------------------------------------------------------- attributes

Status check_value(Thread& t, Value v) {
  return v.is_empty() ? t.raise(Exc::RuntimeError, "Cannot delete attribute") : Status();
}

Value get_handler(Value self, Handler which) {
  Value handler = self.as<ParserObject>()->handlers[which];
  return handler.is_empty() ? kNone : handler;
}
Status set_handler(Thread& t, ParserObject* self, Handler which, Value v) {
  TRY(check_value(t, v));
  if (which == kCharacterDataHandler) TRY(flush_text(t, self));  // with the old one
  Hold hold(t, self);
  self->handlers[which] = v.is_none() ? Value() : v;
  // Within a callback Expat may be about to call it for what remains of a text.
  listen(self, which, !v.is_none() || (which == kCharacterDataHandler && self->in_callback));
  return {};
}

template <auto kPosition>
Result<Value> get_position(Thread& t, Value self) {
  Hold hold(t, self.as<ParserObject>());
  return make_int(t, static_cast<int64_t>(kPosition(self.as<ParserObject>()->parser())));
}

using Flag = std::atomic<bool> ParserObject::*;
template <Flag kFlag>
Result<Value> get_flag(Thread&, Value self) {
  return Value::from_bool(self.as<ParserObject>()->*kFlag);
}
template <Flag kFlag>
Status set_flag(Thread& t, Value self, Value v) {
  TRY(check_value(t, v));
  auto* parser = self.as<ParserObject>();
  bool flag = TRY(truth(t, v));
  parser->*kFlag = flag;
  if constexpr (kFlag == &ParserObject::buffer_text) {
    if (!flag) TRY(flush_text(t, parser));
  }
  if constexpr (kFlag == &ParserObject::namespace_prefixes) {
    Hold hold(t, parser);
    XML_SetReturnNSTriplet(parser->parser(), flag);
  }
  return {};
}

Result<Value> get_buffer_size(Thread&, Value self) {
  return Value::from_int(self.as<ParserObject>()->buffer_size);
}
Result<Value> get_buffer_used(Thread& t, Value self) {
  Hold hold(t, self.as<ParserObject>());
  return make_int(t, static_cast<int64_t>(self.as<ParserObject>()->expat->text.size()));
}
Status set_buffer_size(Thread& t, Value self, Value v) {
  TRY(check_value(t, v));
  if (!is_any_int(v)) return t.raise(Exc::TypeError, "buffer_size must be an integer");
  int64_t size = TRY(to_int64(t, v));
  if (size <= 0) return t.raise(Exc::ValueError, "buffer_size must be greater than zero");
  if (size > INT_MAX) return t.raise(Exc::ValueError, "buffer_size must not be greater than {}", INT_MAX);
  TRY(flush_text(t, self.as<ParserObject>()));
  self.as<ParserObject>()->buffer_size = static_cast<int>(size);
  return {};
}

#define MP_FLAG(name) \
  { #name, get_flag < &ParserObject::name>, set_flag < &ParserObject::name>, nullptr }
const GetSetDef kParserGetSets[] = {
#define MP_HANDLER(name)                                                                               \
  {#name, [](Thread&, Value self) -> Result<Value> { return get_handler(self, k##name); },             \
   [](Thread& t, Value self, Value v) { return set_handler(t, self.as<ParserObject>(), k##name, v); }, \
   nullptr},
#include "stdlib/native/pyexpat_handlers.def"
#undef MP_HANDLER
    {"ErrorCode", get_position<XML_GetErrorCode>, nullptr, nullptr},
    {"ErrorLineNumber", get_position<XML_GetErrorLineNumber>, nullptr, nullptr},
    {"ErrorColumnNumber", get_position<XML_GetErrorColumnNumber>, nullptr, nullptr},
    {"ErrorByteIndex", get_position<XML_GetErrorByteIndex>, nullptr, nullptr},
    {"CurrentLineNumber", get_position<XML_GetCurrentLineNumber>, nullptr, nullptr},
    {"CurrentColumnNumber", get_position<XML_GetCurrentColumnNumber>, nullptr, nullptr},
    {"CurrentByteIndex", get_position<XML_GetCurrentByteIndex>, nullptr, nullptr},
    {"buffer_size", get_buffer_size, set_buffer_size, nullptr},
    {"buffer_used", get_buffer_used, nullptr, nullptr},
    MP_FLAG(buffer_text),
    MP_FLAG(namespace_prefixes),
    MP_FLAG(ordered_attributes),
    MP_FLAG(specified_attributes),
    {}};
#undef MP_FLAG
const MemberDef kParserMembers[] = {{"intern", offsetof(ParserObject, intern), true, nullptr}, {}};

const TypeSpec kParserSpec = {.name = "pyexpat.xmlparser",
                              .size = sizeof(ParserObject),
                              .flags = kTypeDisallowNew,
                              .doc = "XML parser",
                              .trace = trace_parser,
                              .methods = kParserMethods,
                              .getsets = kParserGetSets,
                              .members = kParserMembers};

// ---------------------------------------------------------------- the module

Result<Value> error_string(Thread& t, const Value* args) {
  int64_t code = TRY(to_int64(t, TRY(to_index(t, args[0]))));
  return text_or_none(t, XML_ErrorString(static_cast<XML_Error>(code)));
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(parser_create, "ParserCreate(encoding=None, namespace_separator=None, intern=?)",
                "Return a new XML parser object."),
    MP_FUNCTION(error_string, "ErrorString(code, /)", "Returns string error for given number."), MP_END};

// Expat's errors in the order of their numbers, from 1 on.
constexpr const char* kErrors[] = {"NO_MEMORY",
                                   "SYNTAX",
                                   "NO_ELEMENTS",
                                   "INVALID_TOKEN",
                                   "UNCLOSED_TOKEN",
                                   "PARTIAL_CHAR",
                                   "TAG_MISMATCH",
                                   "DUPLICATE_ATTRIBUTE",
                                   "JUNK_AFTER_DOC_ELEMENT",
                                   "PARAM_ENTITY_REF",
                                   "UNDEFINED_ENTITY",
                                   "RECURSIVE_ENTITY_REF",
                                   "ASYNC_ENTITY",
                                   "BAD_CHAR_REF",
                                   "BINARY_ENTITY_REF",
                                   "ATTRIBUTE_EXTERNAL_ENTITY_REF",
                                   "MISPLACED_XML_PI",
                                   "UNKNOWN_ENCODING",
                                   "INCORRECT_ENCODING",
                                   "UNCLOSED_CDATA_SECTION",
                                   "EXTERNAL_ENTITY_HANDLING",
                                   "NOT_STANDALONE",
                                   "UNEXPECTED_STATE",
                                   "ENTITY_DECLARED_IN_PE",
                                   "FEATURE_REQUIRES_XML_DTD",
                                   "CANT_CHANGE_FEATURE_ONCE_PARSING",
                                   "UNBOUND_PREFIX",
                                   "UNDECLARING_PREFIX",
                                   "INCOMPLETE_PE",
                                   "XML_DECL",
                                   "TEXT_DECL",
                                   "PUBLICID",
                                   "SUSPENDED",
                                   "NOT_SUSPENDED",
                                   "ABORTED",
                                   "FINISHED",
                                   "SUSPEND_PE",
                                   "RESERVED_PREFIX_XML",
                                   "RESERVED_PREFIX_XMLNS",
                                   "RESERVED_NAMESPACE_URI",
                                   "INVALID_ARGUMENT",
                                   "NO_BUFFER",
                                   "AMPLIFICATION_LIMIT_BREACH"};
static_assert(std::size(kErrors) == XML_ERROR_AMPLIFICATION_LIMIT_BREACH);

Result<ModuleObject*> add_submodule(Thread& t, ModuleObject* module, const char* name, const char* doc) {
  std::string full_name = std::string("pyexpat.") + name;
  ModuleObject* made = make_module(t, make_str(t, full_name), make_str(t, doc));
  TRY(dict_set_text(t, t.runtime().modules, full_name, made));
  TRY(module_add(t, module, name, made));
  return made;
}
Status add_errors(Thread& t, ModuleObject* module) {
  ModuleObject* errors =
      TRY(add_submodule(t, module, "errors", "Constants used to describe error conditions."));
  DictObject *codes = make_dict(t), *messages = make_dict(t);
  int code = 0;
  for (const char* name : kErrors) {
    Value number = Value::from_int(++code), text = make_str(t, XML_ErrorString(static_cast<XML_Error>(code)));
    TRY(module_add(t, errors, (std::string("XML_ERROR_") + name).c_str(), text));
    TRY(dict_set(t, codes, text, number));
    TRY(dict_set(t, messages, number, text));
  }
  TRY(module_add(t, errors, "codes", codes));
  return module_add(t, errors, "messages", messages);
}
Status add_features(Thread& t, ModuleObject* module) {
  ListObject* features = make_list(t);
  for (const XML_Feature* f = XML_GetFeatureList(); f->feature != XML_FEATURE_END; ++f)
    TRY(list_append(t, features, make_tuple(t, {Value(make_str(t, f->name)), make_int(t, f->value)})));
  return module_add(t, module, "features", features);
}

#define MP_CONSTANT(name) \
  { #name, name }
constexpr IntConstant kModel[] = {MP_CONSTANT(XML_CTYPE_EMPTY),  MP_CONSTANT(XML_CTYPE_ANY),
                                  MP_CONSTANT(XML_CTYPE_MIXED),  MP_CONSTANT(XML_CTYPE_NAME),
                                  MP_CONSTANT(XML_CTYPE_CHOICE), MP_CONSTANT(XML_CTYPE_SEQ),
                                  MP_CONSTANT(XML_CQUANT_NONE),  MP_CONSTANT(XML_CQUANT_OPT),
                                  MP_CONSTANT(XML_CQUANT_REP),   MP_CONSTANT(XML_CQUANT_PLUS)};
constexpr IntConstant kConstants[] = {MP_CONSTANT(XML_PARAM_ENTITY_PARSING_NEVER),
                                      MP_CONSTANT(XML_PARAM_ENTITY_PARSING_UNLESS_STANDALONE),
                                      MP_CONSTANT(XML_PARAM_ENTITY_PARSING_ALWAYS)};
#undef MP_CONSTANT

Status init_module(Thread& t, ModuleObject* module) {
  Value error = TRY(expat_error(t));
  TRY(module_add(t, module, "error", error));
  TRY(module_add(t, module, "ExpatError", error));
  TRY(module_add(t, module, "XMLParserType", native_type(t, kParserSpec)));
  TRY(module_add_text(t, module, "EXPAT_VERSION", XML_ExpatVersion()));
  XML_Expat_Version version = XML_ExpatVersionInfo();
  TRY(module_add(t, module, "version_info",
                 make_tuple(t, {Value::from_int(version.major), Value::from_int(version.minor),
                                Value::from_int(version.micro)})));
  TRY(module_add_text(t, module, "native_encoding", "UTF-8"));
  TRY(add_errors(t, module));
  ModuleObject* model =
      TRY(add_submodule(t, module, "model", "Constants used to interpret content model information."));
  TRY(module_add_ints(t, model, kModel));
  TRY(add_features(t, module));
  return module_add_ints(t, module, kConstants);
}

}  // namespace

}  // namespace expat

extern const ModuleSpec kPyexpatModule;
const ModuleSpec kPyexpatModule = {"pyexpat", "Python wrapper for Expat parser.", expat::kFunctions,
                                   expat::init_module};

}  // namespace mp
