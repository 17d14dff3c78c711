// Reader: the stack machine that makes objects of a pickle: its input, opcodes, data and containers.
#include <bit>
#include <cmath>
#include <cstring>

#include "stdlib/native/pickle.h"
#include "vm/modules/modules.h"
#include "vm/os/memory.h"
#include "vm/types/codec.h"

namespace mp {

namespace {

Error truncated(Thread& t) { return raise_unpickling(t, "pickle data was truncated"); }

Result<Value> bytes_from(Thread& t, Value method, std::initializer_list<Value> arguments, const char* name) {
  Value chunk = TRY(call(t, method, arguments));
  if (is_bytes(chunk)) return chunk;
  return t.raise(Exc::ValueError, "{}() returned non-bytes object ({})", name, repr_text(t, chunk));
}

Result<Value> text_of(Thread& t, std::string_view utf8) {
  for (char c : utf8)
    if (static_cast<unsigned char>(c) >= 128) return decode_utf8(t, utf8, "surrogatepass");
  return str_or_error(make_str_latin1(t, reinterpret_cast<const uint8_t*>(utf8.data()), utf8.size()));
}

}  // namespace

Result<std::string_view> Reader::read(size_t count) {
  if (data_.size() - at_ < count) {
    if (!from_file_) return truncated(t_);
    if (count > static_cast<size_t>(INT64_MAX) - at_)
      return raise_unpickling(t_, "read would overflow (invalid bytecode)");
    std::string rest(data_.substr(at_));
    Value chunk = TRY(
        bytes_from(t_, unpickler_->read, {make_int(t_, static_cast<int64_t>(count - rest.size()))}, "read"));
    buffer_ = rest + std::string(chunk.as<BytesObject>()->view());
    data_ = buffer_;
    at_ = 0;
    if (data_.size() < count) return truncated(t_);
  }
  std::string_view result = data_.substr(at_, count);
  at_ += count;
  return result;
}

Result<std::string> Reader::read_line() {
  size_t end = data_.find('\n', at_);
  if (end != std::string_view::npos) {
    std::string line(data_.substr(at_, end - at_));
    at_ = end + 1;
    return line;
  }
  if (!from_file_) return truncated(t_);
  std::string line(data_.substr(at_));
  at_ = data_.size();
  Value chunk = TRY(bytes_from(t_, unpickler_->readline, {}, "readline"));
  line += chunk.as<BytesObject>()->view();
  if (line.empty() || line.back() != '\n') return truncated(t_);
  line.pop_back();
  return line;
}

Result<std::string_view> Reader::read_counted(int bytes, const char* opcode) {
  uint64_t size = TRY(read_number(bytes));
  if (size > static_cast<uint64_t>(INT64_MAX))
    return t_.raise(Exc::OverflowError, "{} exceeds system's maximum size of {} bytes", opcode, INT64_MAX);
  return read(size);
}

Result<Value> Reader::load() {
  constexpr size_t kLarge = 1 << 17;
  unpickler_->protocol.store(0, std::memory_order_relaxed);
  if (!is_list(unpickler_->memo)) unpickler_->memo = Value(make_list(t_));
  for (;;) {
    TRY(t_.poll_within());
    // Before the stack doubles: MemoryError instead of the end of the process.
    if (size_t size = stack_.size(); size >= kLarge && std::has_single_bit(size)) [[unlikely]]
      if (!os::has_room(2 * size * sizeof(Value))) return t_.raise_memory_error();
    if (at_ >= data_.size()) [[unlikely]] {
      Value chunk = from_file_ ? TRY(bytes_from(t_, unpickler_->read, {Value::from_int(1)}, "read")) : kNone;
      if (chunk.is_none() || chunk.as<BytesObject>()->size == 0)
        return t_.raise(Exc::EOFError, "Ran out of input");
      buffer_ = chunk.as<BytesObject>()->view();
      data_ = buffer_;
      at_ = 0;
    }
    auto opcode = static_cast<uint8_t>(data_[at_++]);
    if (opcode == kStop) break;
    TRY(step(opcode));
  }
  return pop();
}

Status Reader::step(uint8_t opcode) {
  switch (opcode) {
    case kProto: {
      auto protocol = static_cast<int>(TRY(read_number(1)));
      if (protocol > kHighestProtocol)
        return t_.raise(Exc::ValueError, "unsupported pickle protocol: {}", protocol);
      unpickler_->protocol.store(protocol, std::memory_order_relaxed);
      return {};
    }
    case kFrame: {
      uint64_t size = TRY(read_number(8));
      if (size > static_cast<uint64_t>(INT64_MAX))
        return t_.raise(Exc::OverflowError, "FRAME length exceeds system's maximum of {} bytes", INT64_MAX);
      TRY(read(size));
      at_ -= size;
      return {};
    }
    case kMark:
      if (!os::make_room(marks_, 1)) return t_.raise_memory_error();
      marks_.push_back(stack_.size());
      return {};
    case kPop:
      // A mark on top is taken away instead.
      if (!marks_.empty() && marks_.back() == stack_.size())
        marks_.pop_back();
      else
        TRY(pop());
      return {};
    case kPopMark: stack_.resize(TRY(pop_mark())); return {};
    case kDup: TRY(need(1)); return push(stack_.back());

    case kNonePushed: return push(kNone);
    case kNewTrue: return push(kTrue);
    case kNewFalse: return push(kFalse);
    case kBinInt: return push(Value::from_int(static_cast<int32_t>(TRY(read_number(4)))));
    case kBinInt1: return push(Value::from_int(static_cast<int64_t>(TRY(read_number(1)))));
    case kBinInt2: return push(Value::from_int(static_cast<int64_t>(TRY(read_number(2)))));
    case kInt: return load_text_int();
    case kLong: return load_text_long();
    case kLong1: return load_long(TRY(read_number(1)));
    case kLong4: {
      auto size = static_cast<int32_t>(TRY(read_number(4)));
      if (size < 0) return raise_unpickling(t_, "LONG pickle has negative byte count");
      return load_long(static_cast<size_t>(size));
    }
    case kFloat: return load_text_float();
    case kBinFloat: {
      std::string_view bytes = TRY(read(8));
      uint64_t bits = 0;
      for (char c : bytes) bits = bits << 8 | static_cast<uint8_t>(c);
      return push(make_float(t_, std::bit_cast<double>(bits)));
    }

    case kShortBinUnicode: return push(text_of(t_, TRY(read_counted(1, "BINUNICODE"))));
    case kBinUnicode: return push(text_of(t_, TRY(read_counted(4, "BINUNICODE"))));
    case kBinUnicode8: return push(text_of(t_, TRY(read_counted(8, "BINUNICODE"))));
    case kUnicode: return push(decode_raw_unicode_escape(t_, TRY(read_line()), "strict"));
    case kShortBinBytes: return push(str_or_error(make_bytes(t_, TRY(read_counted(1, "BINBYTES")))));
    case kBinBytes: return push(str_or_error(make_bytes(t_, TRY(read_counted(4, "BINBYTES")))));
    case kBinBytes8: return push(str_or_error(make_bytes(t_, TRY(read_counted(8, "BINBYTES")))));
    case kByteArray8: return push(str_or_error(make_bytearray(t_, TRY(read_counted(8, "BYTEARRAY8")))));
    case kString: return load_text_string();
    case kShortBinString: return push_python2(TRY(read_counted(1, "BINSTRING")));
    case kBinString: {
      auto size = static_cast<int32_t>(TRY(read_number(4)));
      if (size < 0) return raise_unpickling(t_, "BINSTRING pickle has negative byte count");
      return push_python2(TRY(read(static_cast<size_t>(size))));
    }

    case kEmptyTuple: return push(Value(empty_tuple(t_)));
    case kTuple1:
    case kTuple2:
    case kTuple3: {
      size_t n = opcode - kTuple1 + 1u;
      TRY(need(n));
      return push(tuple_from(stack_.size() - n));
    }
    case kTuple: return push(tuple_from(TRY(pop_mark())));
    case kEmptyList: return push(Value(make_list(t_)));
    case kListFromMark: {
      size_t begin = TRY(pop_mark());
      Value list = make_list(t_, stack_.data() + begin, stack_.size() - begin);
      stack_.resize(begin);
      return push(list);
    }
    case kEmptyDict: return push(Value(make_dict(t_)));
    case kDictFromMark: {
      size_t begin = TRY(pop_mark());
      if ((stack_.size() - begin) % 2 != 0) return raise_unpickling(t_, "odd number of items for DICT");
      Value dict = make_dict(t_);
      for (size_t i = begin; i < stack_.size(); i += 2)
        TRY(dict_set(t_, dict.as<DictObject>(), stack_[i], stack_[i + 1]));
      stack_.resize(begin);
      return push(dict);
    }
    case kEmptySet: return push(Value(make_set(t_)));
    case kFrozenSet: {
      Value set = make_set(t_, t_.types().frozenset);
      size_t begin = TRY(pop_mark());
      for (size_t i = begin; i < stack_.size(); ++i) TRY(set_add(t_, set.as<SetObject>(), stack_[i]));
      stack_.resize(begin);
      return push(set);
    }
    case kAppend: TRY(need(2)); return append_to(stack_.size() - 1);
    case kAppends: return append_to(TRY(pop_mark()));
    case kSetItem: TRY(need(3)); return set_items(stack_.size() - 2);
    case kSetItems: return set_items(TRY(pop_mark()));
    case kAddItems: return add_items(TRY(pop_mark()));

    case kGet: return get_memo(static_cast<uint64_t>(TRY(line_number("GET"))));
    case kBinGet: return get_memo(TRY(read_number(1)));
    case kLongBinGet: return get_memo(TRY(read_number(4)));
    case kPut: return put_memo(static_cast<uint64_t>(TRY(line_number("PUT"))));
    case kBinPut: return put_memo(TRY(read_number(1)));
    case kLongBinPut: return put_memo(TRY(read_number(4)));
    case kMemoize: return put_memo(memo()->length());

    case kGlobal: {
      std::string module = TRY(read_line()), name = TRY(read_line());
      Value module_text = TRY(decode_utf8(t_, module, "strict")),
            name_text = TRY(decode_utf8(t_, name, "strict"));
      return push_global(module_text, name_text);
    }
    case kStackGlobal: {
      Value name = TRY(pop()), module = TRY(pop());
      if (!is_exact(name, t_.types().str) || !is_exact(module, t_.types().str))
        return raise_unpickling(t_, "STACK_GLOBAL requires str");
      return push_global(module, name);
    }
    case kReduce: {
      Value arguments = TRY(pop()), function = TRY(pop());
      if (!is_tuple(arguments)) return t_.raise(Exc::TypeError, "argument list must be a tuple");
      return push(call_tuple(t_, function, arguments, kEmpty));
    }
    case kInst: {
      std::string module = TRY(read_line()), name = TRY(read_line());
      Value module_text = TRY(decode_ascii(t_, module, "strict")),
            name_text = TRY(decode_ascii(t_, name, "strict"));
      TRY(push_global(module_text, name_text));
      Value cls = TRY(pop());
      return instantiate(cls, tuple_from(TRY(pop_mark())));
    }
    case kObj: {
      size_t begin = TRY(pop_mark());
      if (begin >= stack_.size())
        return raise_unpickling(t_, marks_.empty() ? "unpickling stack underflow" : "unexpected MARK found");
      Value cls = stack_[begin];
      Value arguments = tuple_from(begin + 1);
      stack_.pop_back();
      return instantiate(cls, arguments);
    }
    case kNewObj: return new_object(false);
    case kNewObjEx: return new_object(true);
    case kBuild: return build();
    case kPersId: {
      std::string id = TRY(read_line());
      Result<Value> text = decode_ascii(t_, id, "strict");
      if (text.is_error()) {
        if (!t_.catch_exception(Exc::UnicodeDecodeError)) return Error{};
        return raise_unpickling(t_, "persistent IDs in protocol 0 must be ASCII strings");
      }
      return persistent(text.value());
    }
    case kBinPersId: return persistent(TRY(pop()));
    case kExt1: return extension(static_cast<int64_t>(TRY(read_number(1))));
    case kExt2: return extension(static_cast<int64_t>(TRY(read_number(2))));
    case kExt4: return extension(static_cast<int32_t>(TRY(read_number(4))));
    case kNextBuffer: return next_buffer();
    case kReadOnlyBuffer: {
      TRY(need(1));
      Value view = TRY(call(t_, Value(t_.types().memoryview), {stack_.back()}));
      if (TRY(truth(t_, TRY(get_attr(t_, view, "readonly"))))) return {};
      stack_.back() = TRY(call_method(t_, view, intern(t_, "toreadonly")));
      return {};
    }
    default: break;
  }
  if (opcode >= 0x20 && opcode <= 0x7e && opcode != '\'' && opcode != '\\')
    return raise_unpickling(t_, fmt::format("invalid load key, '{}'.", static_cast<char>(opcode)));
  return raise_unpickling(t_, fmt::format("invalid load key, '\\x{:02x}'.", opcode));
}

// ---------------------------------------------------------------- numbers and texts

Status Reader::load_text_int() {
  std::string line = TRY(read_line());
  if (line == "00" || line == "01") return push(Value::from_bool(line == "01"));
  Result<Value> number = int_from_text(t_, line, 0, make_str(t_, "?"));
  if (number.is_error() && t_.catch_exception(Exc::ValueError))
    return t_.raise(Exc::ValueError, "could not convert string to int");
  return push(number);
}
Status Reader::load_text_long() {
  std::string line = TRY(read_line());
  if (!line.empty() && line.back() == 'L') line.pop_back();
  Value text = TRY(decode_latin1(t_, line));
  return push(int_from_text(t_, line, 0, text));
}
Status Reader::load_text_float() {
  std::string line = TRY(read_line());
  Value shown = TRY(decode_latin1(t_, line + "\n"));
  return push(make_float(t_, TRY(float_from_text(t_, line, shown))));
}
// Little-endian two's complement.
Status Reader::load_long(size_t size) {
  std::string_view bytes = TRY(read(size));
  if (size == 0) return push(Value::from_int(0));
  bool negative = (bytes[size - 1] & 0x80) != 0;
  if (size <= 8) {
    uint64_t number = negative ? ~uint64_t{0} : 0;
    for (size_t i = size; i-- > 0;) number = number << 8 | static_cast<uint8_t>(bytes[i]);
    return push(make_int(t_, static_cast<int64_t>(number)));
  }
  Mpz number, limit(1);
  mpz_import(number, size, -1, 1, 0, 0, bytes.data());
  if (negative) {
    mpz_mul_2exp(limit, limit, size * 8);
    mpz_sub(number, number, limit);
  }
  return push(make_int_mpz(t_, number));
}
Status Reader::load_text_string() {
  std::string line = TRY(read_line());
  if (line.size() < 2 || line.front() != line.back() || (line.front() != '"' && line.front() != '\''))
    return raise_unpickling(t_, "the STRING opcode argument must be quoted");
  Value quoted = TRY(str_or_error(make_bytes(t_, std::string_view(line).substr(1, line.size() - 2))));
  Value pair = TRY(call_method(t_, TRY(import_module(t_, "_codecs")), intern(t_, "escape_decode"), {quoted}));
  return push_python2((*pair.as<TupleObject>())[0].as<BytesObject>()->view());
}
// A str of Python 2: bytes in some encoding.
Status Reader::push_python2(std::string_view content) {
  Value bytes = TRY(str_or_error(make_bytes(t_, content)));
  Value encoding = unpickler_->encoding;
  if (is_str(encoding) && str_equal(encoding.as<StrObject>(), "bytes")) return push(bytes);
  return push(decode_object(t_, bytes, encoding, unpickler_->errors));
}

// ---------------------------------------------------------------- containers

Status Reader::append_to(size_t begin) {
  size_t end = stack_.size();
  if (begin <= fence())
    return raise_unpickling(t_, marks_.empty() ? "unpickling stack underflow" : "unexpected MARK found");
  Value target = stack_[begin - 1];
  if (is_exact(target, t_.types().list)) {
    for (size_t i = begin; i < end; ++i) TRY(list_append(t_, target.as<ListObject>(), stack_[i]));
  } else if (begin < end) {
    Value extend = TRY(get_attr_or_not_found(t_, target, intern(t_, "extend")));
    if (!extend.is_not_found()) {
      TRY(call(t_, extend, {Value(make_list(t_, stack_.data() + begin, end - begin))}));
    } else {
      Value append = TRY(get_attr(t_, target, "append"));
      for (size_t i = begin; i < end; ++i) TRY(call(t_, append, {stack_[i]}));
    }
  }
  stack_.resize(begin);
  return {};
}

Status Reader::set_items(size_t begin) {
  size_t end = stack_.size();
  if (begin <= fence())
    return raise_unpickling(t_, marks_.empty() ? "unpickling stack underflow" : "unexpected MARK found");
  if ((end - begin) % 2 != 0) return raise_unpickling(t_, "odd number of items for SETITEMS");
  Value target = stack_[begin - 1];
  bool plain = is_exact(target, t_.types().dict);
  for (size_t i = begin; i < end; i += 2) {
    if (plain)
      TRY(dict_set(t_, target.as<DictObject>(), stack_[i], stack_[i + 1]));
    else
      TRY(set_item(t_, target, stack_[i], stack_[i + 1]));
  }
  stack_.resize(begin);
  return {};
}

Status Reader::add_items(size_t begin) {
  size_t end = stack_.size();
  if (begin <= fence())
    return raise_unpickling(t_, marks_.empty() ? "unpickling stack underflow" : "unexpected MARK found");
  Value target = stack_[begin - 1];
  if (is_exact(target, t_.types().set)) {
    for (size_t i = begin; i < end; ++i) TRY(set_add(t_, target.as<SetObject>(), stack_[i]));
  } else if (begin < end) {
    Value add = TRY(get_attr(t_, target, "add"));
    for (size_t i = begin; i < end; ++i) TRY(call(t_, add, {stack_[i]}));
  }
  stack_.resize(begin);
  return {};
}

// ---------------------------------------------------------------- the memo

Result<int64_t> Reader::line_number(const char* what) {
  std::string line = TRY(read_line());
  Value shown = TRY(decode_latin1(t_, line + "\n"));
  Value parsed = TRY(int_from_text(t_, line, 10, shown));
  int64_t number = TRY(to_ssize(t_, parsed));
  if (number < 0) {
    if (what[0] == 'P') return t_.raise(Exc::ValueError, "negative PUT argument");
    return raise_unpickling(t_, fmt::format("Memo value not found at index {}", number));
  }
  return number;
}
Status Reader::get_memo(uint64_t index) {
  Value value = memo()->at(index);
  if (value.is_empty() || value.is_not_found())
    return raise_unpickling(t_, fmt::format("Memo value not found at index {}", index));
  return push(value);
}
Status Reader::put_memo(uint64_t index) {
  constexpr uint64_t kMostHoles = 1u << 24;  // nobody writes such pickles
  TRY(need(1));
  ListObject* list = memo();
  uint64_t length = list->length();
  if (index > length + kMostHoles) return t_.raise_memory_error();
  for (; length < index; ++length) TRY(list_append(t_, list, kNotFound));
  if (index == length) return list_append(t_, list, stack_.back());
  return list_set(t_, list, index, stack_.back());
}

Result<Value> unpickle(Thread& t, UnpicklerObject* unpickler, std::string_view data) {
  return Reader(t, unpickler, data, false).load();
}
Result<Value> unpickle_file(Thread& t, UnpicklerObject* unpickler) {
  return Reader(t, unpickler, {}, true).load();
}

}  // namespace mp
