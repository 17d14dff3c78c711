// _csv: dialects, the reader (RFC 4180 and what spreadsheets write) and the writer. The csv module adds the
// named dialects, DictReader, DictWriter and Sniffer.
#include <string>

#include "stdlib/native/native_error.h"
#include "vm/gc/heap.h"
#include "vm/native/native.h"
#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/types/iterator_support.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

enum Quoting { kMinimal, kAll, kNonNumeric, kNone_, kStrings, kNotNull };
constexpr uint32_t kUnset = UINT32_MAX;

struct DialectObject : Object {
  Slot line_terminator;  // str
  uint32_t delimiter, quote, escape;
  bool double_quote, skip_initial_space, strict;
  uint8_t quoting;
};
struct ReaderObject : Object {
  Slot lines, dialect;  // iterator, DialectObject
  std::atomic<int64_t> line_number;
};
struct WriterObject : Object {
  Slot write, dialect;
};
extern const TypeSpec kDialectSpec, kReaderSpec, kWriterSpec;

struct CsvState {
  std::atomic<int64_t> field_limit{128 * 1024};
};
const char kStateTag = 0;

Error raise_csv(Thread& t, std::string_view message) {
  return raise_native(t, "_csv", "Error", Exc::Exception, message);
}

// ---------------------------------------------------------------- dialects

Result<uint32_t> character_option(Thread& t, Value v, const char* name, uint32_t absent, bool may_be_none) {
  if (v.is_empty()) return absent;
  if (v.is_none() && may_be_none) return kUnset;
  if (!is_str(v))
    return t.raise(Exc::TypeError, "\"{}\" must be string{}, not {}", name, may_be_none ? " or None" : "",
                   type_name(t, v));
  auto* text = v.as<StrObject>();
  if (text->length() > 1 || (text->length() == 0 && !may_be_none))
    return t.raise(Exc::TypeError, "\"{}\" must be a 1-character string", name);
  return text->length() == 0 ? kUnset : text->at(0);
}

Status check_characters(Thread& t, const DialectObject* d) {
  auto* terminator = d->line_terminator.get().as<StrObject>();
  const struct {
    const char* name;
    uint32_t character;
    bool space_allowed;
  } all[] = {{"delimiter", d->delimiter, true},
             {"escapechar", d->escape, !d->skip_initial_space},
             {"quotechar", d->quote, !d->skip_initial_space}};
  for (auto& one : all) {
    if (one.character == '\r' || one.character == '\n' || (one.character == ' ' && !one.space_allowed))
      return t.raise(Exc::ValueError, "bad {} value", one.name);
    for (size_t i = 0; i < terminator->length(); ++i)
      if (terminator->at(i) == one.character)
        return t.raise(Exc::ValueError, "bad {} or lineterminator value", one.name);
  }
  for (auto [a, b] : {std::pair{0, 1}, {0, 2}, {1, 2}})
    if (all[a].character == all[b].character && all[a].character != kUnset)
      return t.raise(Exc::ValueError, "bad {} or {} value", all[a].name, all[b].name);
  return {};
}

// "attribute of `dialect` unless an option says otherwise"; empty when neither does.
Result<Value> option(Thread& t, Value dialect, Value given, const char* name) {
  if (!given.is_empty() || dialect.is_empty()) return given;
  StrObject* attribute = intern(t, name);
  if (!TRY(has_attr(t, dialect, attribute))) return Value();
  return get_attr(t, dialect, attribute);
}

Result<DictObject*> registry(Thread& t) {
  DictObject* table = t.runtime().native_types;
  Value found = dict_get_text(t, table, "_csv.dialects");
  if (found.is_not_found()) {
    found = make_dict(t);
    TRY(dict_set_text(t, table, "_csv.dialects", found));
  }
  return found.as<DictObject>();
}
Result<Value> registered(Thread& t, Value name) {
  Value found = TRY(dict_get(t, TRY(registry(t)), name));
  return found.is_not_found() ? raise_csv(t, "unknown dialect") : Result<Value>(found);
}

// (cls, dialect, delimiter, doublequote, escapechar, lineterminator, quotechar, quoting, skipinitialspace,
// strict)
Result<Value> dialect_new(Thread& t, const Value* args) {
  Value base = args[1];
  if (base.is_none()) base = Value();
  if (!base.is_empty() && is_str(base)) base = TRY(registered(t, base));
  bool plain = true;
  for (int i = 2; i < 10; ++i) plain = plain && args[i].is_empty();
  if (plain && !base.is_empty() && type_of(t, base) == native_type(t, kDialectSpec)) return base;

  auto* d = t.heap().make<DialectObject>(t, args[0].as<Type>());
  Value delimiter = TRY(option(t, base, args[2], "delimiter"));
  Value double_quote = TRY(option(t, base, args[3], "doublequote"));
  Value escape = TRY(option(t, base, args[4], "escapechar"));
  Value terminator = TRY(option(t, base, args[5], "lineterminator"));
  Value quote = TRY(option(t, base, args[6], "quotechar"));
  Value quoting = TRY(option(t, base, args[7], "quoting"));
  Value skip = TRY(option(t, base, args[8], "skipinitialspace"));
  Value strict = TRY(option(t, base, args[9], "strict"));
  d->delimiter = TRY(character_option(t, delimiter, "delimiter", ',', false));
  d->double_quote = double_quote.is_empty() || TRY(truth(t, double_quote));
  d->escape = TRY(character_option(t, escape, "escapechar", kUnset, true));
  if (terminator.is_empty()) terminator = make_str(t, "\r\n");
  if (terminator.is_none()) return t.raise(Exc::TypeError, "lineterminator must be set");
  if (!is_str(terminator)) return t.raise(Exc::TypeError, "\"lineterminator\" must be a string");
  d->line_terminator = terminator;
  d->quote = TRY(character_option(t, quote, "quotechar", '"', true));
  int64_t mode = kMinimal;
  if (!quoting.is_empty()) {
    if (!is_any_int(quoting) || quoting.is_bool())
      return t.raise(Exc::TypeError, "\"quoting\" must be an integer");
    if (!int_to_int64(quoting, &mode) || mode < kMinimal || mode > kNotNull)
      return t.raise(Exc::TypeError, "bad \"quoting\" value");
  } else if (!quote.is_empty() && quote.is_none()) {
    mode = kNone_;
  }
  d->quoting = static_cast<uint8_t>(mode);
  d->skip_initial_space = !skip.is_empty() && TRY(truth(t, skip));
  d->strict = !strict.is_empty() && TRY(truth(t, strict));
  if (d->quoting != kNone_ && d->quote == kUnset)
    return t.raise(Exc::TypeError, "quotechar must be set if quoting enabled");
  TRY(check_characters(t, d));
  return Value(d);
}

Value shown(Thread& t, uint32_t character) {
  return character == kUnset ? Value(kNone) : Value(make_str_char(t, character));
}
#define MP_DIALECT_GETTER(function, expression)                    \
  Result<Value> function([[maybe_unused]] Thread& t, Value self) { \
    auto* d = self.as<DialectObject>();                            \
    return expression;                                             \
  }
MP_DIALECT_GETTER(get_delimiter, shown(t, d->delimiter))
MP_DIALECT_GETTER(get_quote, shown(t, d->quote))
MP_DIALECT_GETTER(get_escape, shown(t, d->escape))
MP_DIALECT_GETTER(get_terminator, d->line_terminator.get())
MP_DIALECT_GETTER(get_double_quote, Value::from_bool(d->double_quote))
MP_DIALECT_GETTER(get_skip, Value::from_bool(d->skip_initial_space))
MP_DIALECT_GETTER(get_strict, Value::from_bool(d->strict))
MP_DIALECT_GETTER(get_quoting, Value::from_int(d->quoting))
#undef MP_DIALECT_GETTER
const GetSetDef kDialectGetSets[] = {{"delimiter", get_delimiter, nullptr, nullptr},
                                     {"doublequote", get_double_quote, nullptr, nullptr},
                                     {"escapechar", get_escape, nullptr, nullptr},
                                     {"lineterminator", get_terminator, nullptr, nullptr},
                                     {"quotechar", get_quote, nullptr, nullptr},
                                     {"quoting", get_quoting, nullptr, nullptr},
                                     {"skipinitialspace", get_skip, nullptr, nullptr},
                                     {"strict", get_strict, nullptr, nullptr},
                                     {}};
Result<Value> dialect_reduce(Thread& t, const Value* args) {
  return t.raise(Exc::TypeError, "cannot pickle '{}' instances", type_name(t, args[0]));
}
const NativeDef kDialectMethods[] = {
    MP_NEW(
        dialect_new,
        "__new__(cls, dialect=None, delimiter=?, doublequote=?, escapechar=?, lineterminator=?, quotechar=?, "
        "quoting=?, skipinitialspace=?, strict=?)",
        nullptr),
    MP_METHOD(dialect_reduce, "__reduce__(self, /)", nullptr),
    MP_METHOD(dialect_reduce, "__reduce_ex__(self, protocol, /)", nullptr), MP_END};
const TypeSpec kDialectSpec = {
    .name = "_csv.Dialect",
    .size = sizeof(DialectObject),
    .flags = kTypeBaseType,
    .doc = "CSV dialect\n\nThe Dialect type records CSV dialect options.",
    .trace = [](Object* o, Tracer& tracer) { tracer.visit(static_cast<DialectObject*>(o)->line_terminator); },
    .methods = kDialectMethods,
    .getsets = kDialectGetSets};

// Dialect(dialect, **options), the options as the dict that **options gave us.
Result<Value> make_dialect(Thread& t, Value dialect, Value options) {
  Value positional = make_tuple(t, {dialect.is_empty() ? Value(kNone) : dialect});
  return call_tuple(t, native_type(t, kDialectSpec), positional, options);
}

Result<Value> register_dialect(Thread& t, const Value* args) {
  if (!is_str(args[0])) return t.raise(Exc::TypeError, "dialect name must be a string");
  Value dialect = TRY(make_dialect(t, args[1], args[2]));
  TRY(dict_set(t, TRY(registry(t)), args[0], dialect));
  return kNone;
}
Result<Value> unregister_dialect(Thread& t, const Value* args) {
  (void)TRY(registered(t, args[0]));
  TRY(dict_delete(t, TRY(registry(t)), args[0]));
  return kNone;
}
Result<Value> get_dialect(Thread& t, const Value* args) { return registered(t, args[0]); }
Result<Value> list_dialects(Thread& t, const Value*) {
  return call(t, t.types().list, {Value(TRY(registry(t)))});
}
Result<Value> field_size_limit(Thread& t, const Value* args) {
  CsvState& state = t.runtime().state<CsvState>(&kStateTag);
  int64_t before = state.field_limit;
  if (!args[0].is_empty()) {
    if (!is_any_int(args[0])) return t.raise(Exc::TypeError, "limit must be an integer");
    state.field_limit = TRY(to_int64(t, args[0]));
  }
  return make_int(t, before);
}

// ---------------------------------------------------------------- reader

// One record in the making. The automaton of a reader: what the next character means.
class Record {
 public:
  Record(Thread& t, const DialectObject* d, ListObject* fields, int64_t limit)
      : thread_(t), d_(d), fields_(fields), limit_(limit) {}

  Status feed(uint32_t c) {
    switch (state_) {
      case State::StartRecord:
        if (is_newline(c)) {
          state_ = State::EatNewline;
          return {};
        }
        [[fallthrough]];
      case State::StartField: return start_field(c);
      case State::Escaped:
        TRY(add(c));
        state_ = is_newline(c) ? State::AfterEscapedNewline : State::InField;
        return {};
      case State::AfterEscapedNewline:
      case State::InField:
        if (is_newline(c)) return end_field(State::EatNewline);
        if (c == d_->escape) return go(State::Escaped);
        if (c == d_->delimiter) return end_field(State::StartField);
        return add(c);
      case State::Quoted:
        if (c == d_->escape) return go(State::EscapedInQuotes);
        if (c == d_->quote && d_->quoting != kNone_)
          return go(d_->double_quote ? State::QuoteInQuotes : State::InField);
        return add(c);
      case State::EscapedInQuotes: TRY(add(c)); return go(State::Quoted);
      case State::QuoteInQuotes:
        if (c == d_->quote && d_->quoting != kNone_) {
          TRY(add(c));
          return go(State::Quoted);
        }
        if (c == d_->delimiter) return end_field(State::StartField);
        if (is_newline(c)) return end_field(State::EatNewline);
        if (d_->strict) return raise_expected();
        TRY(add(c));
        return go(State::InField);
      case State::EatNewline:
        if (is_newline(c)) return {};
        return raise_csv(
            thread_,
            "new-line character seen in unquoted field - do you need to open the file with newline=''?");
    }
    return {};
  }

  // The line has ended; true when the record has.
  Result<bool> end_line() {
    switch (state_) {
      case State::StartRecord:
      case State::EatNewline: break;
      case State::Escaped:
        TRY(add('\n'));
        state_ = State::InField;
        return false;
      case State::EscapedInQuotes:
        TRY(add('\n'));
        state_ = State::Quoted;
        return false;
      case State::AfterEscapedNewline:
      case State::Quoted: return false;
      case State::StartField: begin_unquoted(); [[fallthrough]];
      case State::InField:
      case State::QuoteInQuotes: TRY(save()); break;
    }
    return true;
  }

  // There are no more lines: is there something to give out?
  Result<bool> end_input() {
    if (field_.empty() && state_ != State::Quoted) return false;
    if (d_->strict) return raise_csv(thread_, "unexpected end of data");
    TRY(save());
    return true;
  }

 private:
  enum class State {
    StartRecord,
    StartField,
    Escaped,
    InField,
    Quoted,
    EscapedInQuotes,
    QuoteInQuotes,
    EatNewline,
    AfterEscapedNewline
  };

  static bool is_newline(uint32_t c) { return c == '\n' || c == '\r'; }
  Status go(State next) {
    state_ = next;
    return {};
  }
  void begin_unquoted() { unquoted_ = true; }
  Status start_field(uint32_t c) {
    begin_unquoted();
    if (is_newline(c)) return end_field(State::EatNewline);
    if (c == d_->quote && d_->quoting != kNone_) {
      unquoted_ = false;
      return go(State::Quoted);
    }
    if (c == d_->escape) return go(State::Escaped);
    if (c == ' ' && d_->skip_initial_space) return go(State::StartField);
    if (c == d_->delimiter) return end_field(State::StartField);
    TRY(add(c));
    return go(State::InField);
  }
  Status add(uint32_t c) {
    if (static_cast<int64_t>(field_.size()) >= limit_)
      return raise_csv(thread_, fmt::format("field larger than field limit ({})", limit_));
    if (!os::make_room(field_, 1)) return thread_.raise_memory_error();
    field_.push_back(c);
    return {};
  }
  Status end_field(State next) {
    TRY(save());
    return go(next);
  }
  Status save() {
    Value value = kNone;
    if (!unquoted_ || !field_.empty() || (d_->quoting != kNotNull && d_->quoting != kStrings)) {
      StrObject* text =
          make_str_utf32(thread_, reinterpret_cast<const uint32_t*>(field_.data()), field_.size());
      if (text == nullptr) return Error{};
      value = text;
      if (unquoted_ && !field_.empty() && (d_->quoting == kNonNumeric || d_->quoting == kStrings))
        value = TRY(call(thread_, thread_.types().float_, {value}));
    }
    field_.clear();
    return list_append(thread_, fields_, value);
  }
  Error raise_expected() {
    StrBuilder text(thread_);
    text.append(U'\'');
    text.append(d_->delimiter);
    text.append("' expected after '");
    text.append(d_->quote);
    text.append(U'\'');
    StrObject* message = text.finish_str();
    return message == nullptr ? Error{} : raise_csv(thread_, to_utf8(message));
  }

  Thread& thread_;
  const DialectObject* d_;
  ListObject* fields_;
  int64_t limit_;
  State state_ = State::StartRecord;
  bool unquoted_ = false;
  std::u32string field_;
};

Result<Value> reader_next(Thread& t, Value self) {
  auto* reader = self.as<ReaderObject>();
  ListObject* fields = make_list(t, 0);
  Record record(t, reader->dialect.get().as<DialectObject>(), fields,
                t.runtime().state<CsvState>(&kStateTag).field_limit);
  for (;;) {
    Value line = TRY(iter_next(t, reader->lines));
    if (line.is_no_more()) return TRY(record.end_input()) ? Value(fields) : Value(kNoMore);
    if (!is_str(line))
      return raise_csv(
          t, fmt::format("iterator should return strings, not {} (the file should be opened in text mode)",
                         type_name(t, line)));
    reader->line_number.fetch_add(1, std::memory_order_relaxed);
    auto* text = line.as<StrObject>();
    for (size_t i = 0, n = text->length(); i < n; ++i) TRY(record.feed(text->at(i)));
    if (TRY(record.end_line())) return Value(fields);
  }
}
Result<Value> make_reader(Thread& t, const Value* args) {
  auto* reader = t.heap().make<ReaderObject>(t, native_type(t, kReaderSpec));
  reader->lines = TRY(get_iter(t, args[0]));
  reader->dialect = TRY(make_dialect(t, args[1], args[2]));
  return Value(reader);
}
Result<Value> reader_line_number(Thread& t, Value self) {
  return make_int(t, self.as<ReaderObject>()->line_number);
}
const GetSetDef kReaderGetSets[] = {{"line_num", reader_line_number, nullptr, nullptr}, {}};
const MemberDef kReaderMembers[] = {{"dialect", offsetof(ReaderObject, dialect), true, nullptr}, {}};
const TypeSpec kReaderSpec = {
    .name = "_csv.reader",
    .size = sizeof(ReaderObject),
    .flags = kTypeDisallowNew,
    .doc =
        "CSV reader\n\nReader objects are responsible for reading and parsing tabular data\nin CSV format.\n",
    .trace = [](Object* o, Tracer& tracer) { tracer.visit_slots(&static_cast<ReaderObject*>(o)->lines, 2); },
    .slots = MP_SLOTS(.iter = iterator_self, .next = reader_next),
    .getsets = kReaderGetSets,
    .members = kReaderMembers};

// ---------------------------------------------------------------- writer

bool is_number(Thread& t, Value v) {
  const Slots& slots = type_of(t, v)->slots;
  return slots.index != nullptr || slots.int_ != nullptr || slots.float_ != nullptr ||
         is_kind(v, Kind::Complex);
}

class Line {
 public:
  Line(Thread& t, const DialectObject* d) : thread_(t), d_(d), text_(t) {}

  Status field(Value value) {
    bool quoted = d_->quoting == kAll || (d_->quoting == kNonNumeric && !is_number(thread_, value)) ||
                  (d_->quoting == kStrings && is_str(value)) || (d_->quoting == kNotNull && !value.is_none());
    null_ = value.is_none();
    if (count_++ > 0) text_.append(d_->delimiter);
    if (null_) return append(nullptr, quoted);
    Value shown = is_str(value) ? value : TRY(str(thread_, value));
    return append(shown.as<StrObject>(), quoted);
  }
  Result<Value> finish() {
    // A lone empty field would read back as an empty record.
    if (count_ == 1 && text_.empty()) {
      if (cannot_quote()) return raise_csv(thread_, "single empty field record must be quoted");
      text_.append(d_->quote);
      text_.append(d_->quote);
    }
    text_.append(d_->line_terminator.get().as<StrObject>());
    return text_.finish();
  }

 private:
  bool cannot_quote() const {
    return d_->quoting == kNone_ || (null_ && (d_->quoting == kStrings || d_->quoting == kNotNull));
  }
  bool is_special(uint32_t c) const {
    if (c == d_->delimiter || c == d_->escape || c == d_->quote || c == '\r' || c == '\n') return true;
    auto* terminator = d_->line_terminator.get().as<StrObject>();
    for (size_t i = 0; i < terminator->length(); ++i)
      if (terminator->at(i) == c) return true;
    return false;
  }
  Status append(const StrObject* content, bool quoted) {
    size_t length = content == nullptr ? 0 : content->length();
    for (size_t i = 0; i < length && !quoted; ++i) quoted = needs_quotes(content->at(i));
    if (length == 0 && d_->delimiter == ' ' && d_->skip_initial_space) {
      if (cannot_quote())
        return raise_csv(thread_,
                         "empty field must be quoted if delimiter is a space and skipinitialspace is true");
      quoted = true;
    }
    if (quoted) text_.append(d_->quote);
    for (size_t i = 0; i < length; ++i) {
      uint32_t c = content->at(i);
      if (is_special(c)) {
        bool escaped = d_->quoting == kNone_ || c == d_->escape || (c == d_->quote && !d_->double_quote);
        if (escaped && d_->escape == kUnset)
          return raise_csv(thread_, "need to escape, but no escapechar set");
        if (escaped)
          text_.append(d_->escape);
        else if (c == d_->quote)
          text_.append(c);
      }
      text_.append(c);
    }
    if (quoted) text_.append(d_->quote);
    return {};
  }
  // A special character that is not escaped asks for quotes around the field.
  bool needs_quotes(uint32_t c) const {
    return d_->quoting != kNone_ && is_special(c) && c != d_->escape && (c != d_->quote || d_->double_quote);
  }

  Thread& thread_;
  const DialectObject* d_;
  StrBuilder text_;
  size_t count_ = 0;
  bool null_ = false;
};

Result<Value> write_row(Thread& t, WriterObject* writer, Value row) {
  Result<Value> iterator = get_iter(t, row);
  if (iterator.is_error()) {
    if (!t.catch_exception(Exc::TypeError)) return Error{};
    return raise_csv(t, fmt::format("iterable expected, not {}", type_name(t, row)));
  }
  Line line(t, writer->dialect.get().as<DialectObject>());
  for (;;) {
    Value field = TRY(iter_next(t, iterator.value()));
    if (field.is_no_more()) break;
    TRY(line.field(field));
  }
  return call(t, writer->write, {TRY(line.finish())});
}
Result<Value> writer_writerow(Thread& t, const Value* args) {
  return write_row(t, args[0].as<WriterObject>(), args[1]);
}
Result<Value> writer_writerows(Thread& t, const Value* args) {
  Value rows = TRY(get_iter(t, args[1]));
  for (;;) {
    Value row = TRY(iter_next(t, rows));
    if (row.is_no_more()) return kNone;
    (void)TRY(write_row(t, args[0].as<WriterObject>(), row));
  }
}
Result<Value> make_writer(Thread& t, const Value* args) {
  auto* writer = t.heap().make<WriterObject>(t, native_type(t, kWriterSpec));
  StrObject* name = intern(t, "write");
  Value write = TRY(has_attr(t, args[0], name)) ? TRY(get_attr(t, args[0], name)) : Value();
  if (write.is_empty() || !is_callable(t, write))
    return t.raise(Exc::TypeError, "argument 1 must have a \"write\" method");
  writer->write = write;
  writer->dialect = TRY(make_dialect(t, args[1], args[2]));
  return Value(writer);
}
const NativeDef kWriterMethods[] = {MP_METHOD(writer_writerow, "writerow(self, row, /)",
                                              "Construct and write a CSV record from an iterable of fields."),
                                    MP_METHOD(writer_writerows, "writerows(self, rows, /)",
                                              "Construct and write a series of iterables to a csv file."),
                                    MP_END};
const MemberDef kWriterMembers[] = {{"dialect", offsetof(WriterObject, dialect), true, nullptr}, {}};
const TypeSpec kWriterSpec = {
    .name = "_csv.writer",
    .size = sizeof(WriterObject),
    .flags = kTypeDisallowNew,
    .doc =
        "CSV writer\n\nWriter objects are responsible for generating tabular data\nin CSV format from "
        "sequence input.\n",
    .trace = [](Object* o, Tracer& tracer) { tracer.visit_slots(&static_cast<WriterObject*>(o)->write, 2); },
    .methods = kWriterMethods,
    .members = kWriterMembers};

const NativeDef kFunctions[] = {
    MP_FUNCTION(make_reader, "reader(iterable, /, dialect=?, **options)",
                "csv_reader = reader(iterable [, dialect='excel'] [optional keyword args])"),
    MP_FUNCTION(make_writer, "writer(fileobj, /, dialect=?, **options)",
                "csv_writer = csv.writer(fileobj [, dialect='excel'] [optional keyword args])"),
    MP_FUNCTION(register_dialect, "register_dialect(name, /, dialect=?, **options)",
                "Create a mapping from a string name to a dialect class."),
    MP_FUNCTION(unregister_dialect, "unregister_dialect(name)",
                "Delete the name/dialect mapping associated with a string name."),
    MP_FUNCTION(get_dialect, "get_dialect(name)", "Return the dialect instance associated with name."),
    MP_FUNCTION(list_dialects, "list_dialects()", "Return a list of all known dialect names."),
    MP_FUNCTION(field_size_limit, "field_size_limit(new_limit=?, /)",
                "Sets an upper limit on parsed fields."),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  if (module_add_type(t, module, kDialectSpec) == nullptr) return Error{};
  TRY(module_add(t, module, "Error", TRY(native_error(t, "_csv", "Error", Exc::Exception))));
  const char* const quotings[] = {"QUOTE_MINIMAL", "QUOTE_ALL",     "QUOTE_NONNUMERIC",
                                  "QUOTE_NONE",    "QUOTE_STRINGS", "QUOTE_NOTNULL"};
  for (int i = 0; i < 6; ++i) TRY(module_add_int(t, module, quotings[i], i));
  TRY(module_add(t, module, "_dialects", TRY(registry(t))));
  return module_add_text(t, module, "__version__", "1.0");
}

}  // namespace

extern const ModuleSpec kCsvModule;
const ModuleSpec kCsvModule = {"_csv", "CSV parsing and writing.\n", kFunctions, init_module};

}  // namespace mp
