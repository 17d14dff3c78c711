// What expat reports, as calls of the parser object's handlers.
#include "stdlib/native/pyexpat.h"
#include "vm/protocol/protocol.h"
#include "vm/types/codec.h"
#include "vm/types/number.h"

namespace mp::expat {

namespace {

Result<Value> text_value(Thread& t, const XML_Char* text) {
  return text == nullptr ? Result<Value>(kNone) : str_or_error(make_str(t, text));
}
// The same string each time, by the dict that ParserCreate(intern=...) has.
Result<Value> interned_value(Thread& t, ParserObject* self, const XML_Char* text) {
  Value value = TRY(text_value(t, text)), table = self->intern;
  if (value.is_none() || table.is_none()) return value;
  return dict_set_default(t, table.as<DictObject>(), value, value);
}

Result<Value> attributes_value(Thread& t, ParserObject* self, const XML_Char** attributes) {
  size_t count = 0;
  if (self->specified_attributes)
    count = static_cast<size_t>(XML_GetSpecifiedAttributeCount(self->parser()));
  else
    while (attributes[count] != nullptr) count += 2;
  ListObject* list = self->ordered_attributes ? make_list(t, count) : nullptr;
  DictObject* dict = list == nullptr ? make_dict(t) : nullptr;
  for (size_t i = 0; i < count; i += 2) {
    Value name = TRY(interned_value(t, self, attributes[i])), value = TRY(text_value(t, attributes[i + 1]));
    if (list == nullptr) {
      TRY(dict_set(t, dict, name, value));
    } else {
      TRY(list_append(t, list, name));
      TRY(list_append(t, list, value));
    }
  }
  return list == nullptr ? Value(dict) : Value(list);
}

// (type, quantifier, name, children)
Result<Value> model_value(Thread& t, ParserObject* self, const XML_Content& model) {
  TRY(t.check_stack());
  TupleObject* children = allocate_tuple(t, model.numchildren);
  for (unsigned i = 0; i < model.numchildren; ++i)
    children->items()[i] = TRY(model_value(t, self, model.children[i]));
  return make_tuple(t, {Value::from_int(model.type), Value::from_int(model.quant),
                        TRY(interned_value(t, self, model.name)), Value(children)});
}

// An argument of a handler, not yet an object.
struct Argument {
  enum class Kind : uint8_t { Text, Span, Name, Number, Attributes, Model } kind;
  union {
    const XML_Char* text;
    const XML_Char** attributes;
    const XML_Content* model;
  };
  int number = 0;  // or the length of a Span

  Result<Value> value(Thread& t, ParserObject* self) const {
    switch (kind) {
      case Kind::Text: return text_value(t, text);
      case Kind::Span:
        if (text == nullptr) return kNone;
        return str_or_error(make_str(t, {text, static_cast<size_t>(number)}));
      case Kind::Name: return interned_value(t, self, text);
      case Kind::Number: return Value::from_int(number);
      case Kind::Attributes: return attributes_value(t, self, attributes);
      case Kind::Model: return model_value(t, self, *model);
    }
    return kNone;
  }
};
Argument text(const XML_Char* s) { return {Argument::Kind::Text, {s}}; }
Argument text(const XML_Char* s, int length) { return {Argument::Kind::Span, {s}, length}; }
Argument name(const XML_Char* s) { return {Argument::Kind::Name, {s}}; }
Argument number(int n) { return {Argument::Kind::Number, {nullptr}, n}; }

int refuse(XML_Parser, const XML_Char*, const XML_Char*, const XML_Char*, const XML_Char*) { return 0; }

// After an error nothing more is reported.
void stop(ParserObject* self) {
  for (int i = 0; i < kHandlerCount; ++i) {
    self->handlers[i] = Value();
    listen(self, static_cast<Handler>(i), false);
  }
  XML_SetExternalEntityRefHandler(self->parser(), refuse);
  XML_StopParser(self->parser(), XML_FALSE);
}

// Runs `body` in the thread that parses, without the mutex. True when it raised nothing.
template <class Body>
bool outside(ParserObject* self, Body body) {
  Thread& t = *self->parsing;
  if (t.has_exception()) return false;
  std::mutex& mutex = *self->expat->mutex;
  self->in_callback = true;
  mutex.unlock();
  Status status = body(t);
  enter(t, mutex);
  self->in_callback = false;
  if (status.is_error()) stop(self);
  return !status.is_error();
}

using Arguments = std::initializer_list<Argument>;
Result<Value> announce(Thread& t, ParserObject* self, Handler which, const Arguments& arguments) {
  if (which != kCharacterDataHandler) TRY(flush_text(t, self));
  Value handler = self->handlers[which];
  if (handler.is_empty()) return Value();
  Value values[8];
  size_t count = 0;
  for (const Argument& argument : arguments) values[count++] = TRY(argument.value(t, self));
  return call(t, handler, CallArgs{values, count});
}
void report(void* user_data, Handler which, Arguments arguments) {
  auto* self = static_cast<ParserObject*>(user_data);
  outside(self, [&](Thread& t) -> Status {
    (void)TRY(announce(t, self, which, arguments));
    return {};
  });
}
// For handlers that answer; 0 makes expat give up.
int ask(void* user_data, Handler which, Arguments arguments) {
  auto* self = static_cast<ParserObject*>(user_data);
  int64_t answer = 0;
  bool answered = outside(self, [&](Thread& t) -> Status {
    Value value = TRY(announce(t, self, which, arguments));
    if (!value.is_empty()) answer = TRY(to_int64(t, TRY(to_index(t, value))));
    return {};
  });
  return answered ? static_cast<int>(answer) : 0;
}

void on_StartElementHandler(void* data, const XML_Char* element, const XML_Char** attributes) {
  Argument all{Argument::Kind::Attributes, {nullptr}};
  all.attributes = attributes;
  report(data, kStartElementHandler, {name(element), all});
}
void on_EndElementHandler(void* data, const XML_Char* element) {
  report(data, kEndElementHandler, {name(element)});
}
void on_ProcessingInstructionHandler(void* data, const XML_Char* target, const XML_Char* content) {
  report(data, kProcessingInstructionHandler, {name(target), text(content)});
}
void on_CharacterDataHandler(void* data, const XML_Char* characters, int length) {
  auto* self = static_cast<ParserObject*>(data);
  if (self->handlers[kCharacterDataHandler].get().is_empty()) return;
  std::string& gathered = self->expat->text;
  auto limit = static_cast<size_t>(self->buffer_size), size = static_cast<size_t>(length);
  if (gathered.size() + size > limit && !gathered.empty()) {
    if (!outside(self, [&](Thread& t) { return flush_text(t, self); })) return;
  }
  if (self->buffer_text && size <= limit)
    gathered.append(characters, size);
  else
    report(data, kCharacterDataHandler, {text(characters, length)});
}
void on_UnparsedEntityDeclHandler(void* data, const XML_Char* entity, const XML_Char* base,
                                  const XML_Char* system_id, const XML_Char* public_id,
                                  const XML_Char* notation) {
  report(data, kUnparsedEntityDeclHandler,
         {name(entity), name(base), name(system_id), name(public_id), name(notation)});
}
void on_NotationDeclHandler(void* data, const XML_Char* notation, const XML_Char* base,
                            const XML_Char* system_id, const XML_Char* public_id) {
  report(data, kNotationDeclHandler, {name(notation), name(base), name(system_id), name(public_id)});
}
void on_StartNamespaceDeclHandler(void* data, const XML_Char* prefix, const XML_Char* uri) {
  report(data, kStartNamespaceDeclHandler, {name(prefix), name(uri)});
}
void on_EndNamespaceDeclHandler(void* data, const XML_Char* prefix) {
  report(data, kEndNamespaceDeclHandler, {name(prefix)});
}
void on_CommentHandler(void* data, const XML_Char* comment) {
  report(data, kCommentHandler, {text(comment)});
}
void on_StartCdataSectionHandler(void* data) { report(data, kStartCdataSectionHandler, {}); }
void on_EndCdataSectionHandler(void* data) { report(data, kEndCdataSectionHandler, {}); }
void on_DefaultHandler(void* data, const XML_Char* characters, int length) {
  report(data, kDefaultHandler, {text(characters, length)});
}
void on_DefaultHandlerExpand(void* data, const XML_Char* characters, int length) {
  report(data, kDefaultHandlerExpand, {text(characters, length)});
}
int on_NotStandaloneHandler(void* data) { return ask(data, kNotStandaloneHandler, {}); }
int on_ExternalEntityRefHandler(XML_Parser parser, const XML_Char* context, const XML_Char* base,
                                const XML_Char* system_id, const XML_Char* public_id) {
  return ask(XML_GetUserData(parser), kExternalEntityRefHandler,
             {text(context), name(base), name(system_id), name(public_id)});
}
void on_StartDoctypeDeclHandler(void* data, const XML_Char* doctype, const XML_Char* system_id,
                                const XML_Char* public_id, int has_internal_subset) {
  report(data, kStartDoctypeDeclHandler,
         {name(doctype), name(system_id), name(public_id), number(has_internal_subset)});
}
void on_EndDoctypeDeclHandler(void* data) { report(data, kEndDoctypeDeclHandler, {}); }
void on_EntityDeclHandler(void* data, const XML_Char* entity, int is_parameter, const XML_Char* value,
                          int length, const XML_Char* base, const XML_Char* system_id,
                          const XML_Char* public_id, const XML_Char* notation) {
  report(data, kEntityDeclHandler,
         {name(entity), number(is_parameter), text(value, length), name(base), name(system_id),
          name(public_id), name(notation)});
}
void on_XmlDeclHandler(void* data, const XML_Char* version, const XML_Char* encoding, int standalone) {
  report(data, kXmlDeclHandler, {text(version), text(encoding), number(standalone)});
}
void on_ElementDeclHandler(void* data, const XML_Char* element, XML_Content* model) {
  Argument content{Argument::Kind::Model, {nullptr}};
  content.model = model;
  report(data, kElementDeclHandler, {name(element), content});
  XML_FreeContentModel(static_cast<ParserObject*>(data)->parser(), model);
}
void on_AttlistDeclHandler(void* data, const XML_Char* element, const XML_Char* attribute,
                           const XML_Char* type, const XML_Char* preset, int is_required) {
  report(data, kAttlistDeclHandler,
         {name(element), name(attribute), text(type), text(preset), number(is_required)});
}
void on_SkippedEntityHandler(void* data, const XML_Char* entity, int is_parameter) {
  report(data, kSkippedEntityHandler, {name(entity), number(is_parameter)});
}

// An encoding that expat does not know, by our codec of that name: one character for each byte.
int on_unknown_encoding(void* data, const XML_Char* encoding, XML_Encoding* info) {
  bool known = outside(static_cast<ParserObject*>(data), [&](Thread& t) -> Status {
    char bytes[256];
    for (int i = 0; i < 256; ++i) bytes[i] = static_cast<char>(i);
    Value table = make_bytes(t, {bytes, sizeof bytes}), name = TRY(text_value(t, encoding));
    Value decoded = TRY(decode_object(t, table, name, make_str(t, "replace")));
    auto* characters = decoded.as<StrObject>();
    if (characters->length() != sizeof bytes)
      return t.raise(Exc::ValueError, "multi-byte encodings are not supported");
    constexpr uint32_t kReplaced = 0xfffd;
    for (size_t i = 0; i < sizeof bytes; ++i) {
      uint32_t character = characters->at(i);
      info->map[i] = character == kReplaced ? -1 : static_cast<int>(character);
    }
    return {};
  });
  return known ? XML_STATUS_OK : XML_STATUS_ERROR;
}

}  // namespace

Status flush_text(Thread& t, ParserObject* self) {
  std::string text;
  {
    Hold hold(t, self);
    text.swap(self->expat->text);
  }
  Value handler = self->handlers[kCharacterDataHandler];
  if (text.empty() || handler.is_empty()) return {};
  (void)TRY(call(t, handler, {TRY(str_or_error(make_str(t, text)))}));
  return {};
}

void listen(ParserObject* self, Handler which, bool wanted) {
  switch (which) {
#define MP_HANDLER(name)                                         \
  case k##name:                                                  \
    XML_Set##name(self->parser(), wanted ? on_##name : nullptr); \
    break;
#include "stdlib/native/pyexpat_handlers.def"
#undef MP_HANDLER
    case kHandlerCount: break;
  }
}

void connect(ParserObject* self) {
  XML_SetUserData(self->parser(), self);
  XML_SetUnknownEncodingHandler(self->parser(), on_unknown_encoding, self);
}

}  // namespace mp::expat
