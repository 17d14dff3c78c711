// Saver: objects to opcodes, frames, and the memo of what was written.
#include <cmath>
#include <cstring>

#include "stdlib/native/pickle.h"
#include "vm/os/memory.h"
#include "vm/threads/object_lock.h"
#include "vm/types/buffer.h"
#include "vm/types/codec.h"

namespace mp {

// ---------------------------------------------------------------- the memo

static uint64_t slot_of(Value key, uint64_t capacity) {
  return (key.bits() >> 4) * 0x9e3779b97f4a7c15u >> 20 & (capacity - 1);
}

int64_t PicklerObject::find(Value object) const {
  MemoTable* table = memo.load(std::memory_order_acquire);
  if (table == nullptr) return -1;
  for (uint64_t i = slot_of(object, table->capacity);; i = (i + 1) & (table->capacity - 1)) {
    MemoEntry& entry = table->entries()[i];
    Value key = entry.key;
    if (key == object) return static_cast<int64_t>(entry.number.load(std::memory_order_relaxed));
    if (key.is_empty()) return -1;
  }
}

static void insert(MemoTable* table, Value key, uint64_t number) {
  uint64_t i = slot_of(key, table->capacity);
  while (!table->entries()[i].key.get().is_empty() && table->entries()[i].key.get() != key)
    i = (i + 1) & (table->capacity - 1);
  table->entries()[i].number.store(number, std::memory_order_relaxed);
  table->entries()[i].key = key;
}

// Table and count change together: a table that is fuller than the count says would be searched for ever.
Status PicklerObject::remember(Thread& t, Value object, uint64_t number) {
  ObjectLock lock(t, this);
  MemoTable* table = memo.load(std::memory_order_acquire);
  uint64_t count = memo_count.load(std::memory_order_relaxed);
  if (table == nullptr || count * 2 >= table->capacity) {
    uint64_t capacity = table == nullptr ? 64 : table->capacity * 2;
    while (capacity <= count * 2) capacity *= 2;
    auto* grown =
        static_cast<MemoTable*>(t.heap().allocate_raw(t, sizeof(MemoTable) + capacity * sizeof(MemoEntry)));
    if (grown == nullptr) return t.raise_memory_error();
    grown->capacity = capacity;
    for (uint64_t i = 0; table != nullptr && i < table->capacity; ++i)
      if (MemoEntry& entry = table->entries()[i]; !entry.key.get().is_empty())
        insert(grown, entry.key, entry.number.load(std::memory_order_relaxed));
    memo.store(grown, std::memory_order_release);
    table = grown;
  }
  insert(table, object, number);
  memo_count.store(count + 1, std::memory_order_relaxed);
  return {};
}
void PicklerObject::clear(Thread& t) {
  ObjectLock lock(t, this);
  memo.store(nullptr, std::memory_order_release);
  memo_count.store(0, std::memory_order_relaxed);
}

Status Saver::memoize(Value object) {
  if (fast_) return {};
  uint64_t number = pickler_->memo_count.load(std::memory_order_relaxed);
  if (protocol_ >= 4) {
    put(kMemoize);
  } else if (!is_binary()) {
    put(kPut);
    put(std::to_string(number) + "\n");
  } else {
    put(number < 256 ? kBinPut : kLongBinPut, number, number < 256 ? 1 : 4);
  }
  return pickler_->remember(t_, object, number);
}
void Saver::put_get(int64_t number) {
  if (!is_binary()) {
    put(kGet);
    put(std::to_string(number) + "\n");
  } else {
    put(number < 256 ? kBinGet : kLongBinGet, static_cast<uint64_t>(number), number < 256 ? 1 : 4);
  }
}

// ---------------------------------------------------------------- output

static void store_number(char* at, uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) at[i] = static_cast<char>(number >> (8 * i));
}

void Saver::close_frame() {
  if (frame_ == kNoFrame) return;
  size_t size = out_.size() - frame_ - 9;
  if (size >= kFrameLeast) {
    out_[frame_] = static_cast<char>(kFrame);
    store_number(&out_[frame_ + 1], size, 8);
  } else {
    out_.erase(frame_, 9);
  }
  frame_ = kNoFrame;
}
Status Saver::end_frame() {
  close_frame();
  return flush();
}
Status Saver::flush() {
  if (write_.is_empty() || out_.empty()) return {};
  Value chunk = TRY(str_or_error(make_bytes(t_, out_)));
  out_.clear();
  TRY(call(t_, write_, {chunk}));
  return {};
}
// What is large has no frame around it, and goes to a file without a copy in the buffer.
Status Saver::put_payload(std::string_view header, std::string_view payload) {
  if (payload.size() < kFrameTarget || !framing_) {
    put(header);
    put(payload);
    return {};
  }
  close_frame();
  if (!os::make_room(out_, header.size() + payload.size())) return t_.raise_memory_error();
  out_ += header;
  if (write_.is_empty()) {
    out_ += payload;
    return {};
  }
  Value bytes = TRY(str_or_error(make_bytes(t_, payload)));
  TRY(flush());
  TRY(call(t_, write_, {bytes}));
  return {};
}

// ---------------------------------------------------------------- dump

Status Saver::dump(Value object) {
  Type* exact = native_type(t_, kPicklerSpec);
  Value fast = pickler_->fast;
  fast_ = !fast.is_empty() && TRY(truth(t_, fast));
  dispatch_table_ = pickler_->dispatch_table;
  if (pickler_->type() != exact) {
    Value persistent = TRY(get_attr(t_, pickler_, intern(t_, "persistent_id")));
    // A subclass without its own has the method that returns None.
    auto* native =
        is_kind(persistent, Kind::NativeFunction) ? persistent.as<NativeFunctionObject>() : nullptr;
    if (native == nullptr || native->owner_type != exact) persistent_id_ = persistent;
    Value override = TRY(get_attr_or_not_found(t_, pickler_, intern(t_, "reducer_override")));
    if (!override.is_not_found()) reducer_override_ = override;
  }
  if (protocol_ >= 2) {
    out_ += static_cast<char>(kProto);
    out_ += static_cast<char>(protocol_);
  }
  framing_ = protocol_ >= 4;
  TRY(save(object));
  put(kStop);
  close_frame();
  framing_ = false;
  return flush();
}

Status Saver::save(Value object, Ask ask) {
  TRY(boundary());
  if (object.is_int() && persistent_id_.is_empty()) {
    save_int(object);
    return {};
  }
  if (ask == Ask::PersistentId && !persistent_id_.is_empty()) {
    Value id = TRY(call(t_, persistent_id_, {object}));
    if (!id.is_none()) return save_persistent(id);
  }
  if (object.is_none()) {
    put(kNonePushed);
    return {};
  }
  if (object.is_bool()) {
    if (protocol_ >= 2)
      put(object.is_true() ? kNewTrue : kNewFalse);
    else
      put(std::string_view(object.is_true() ? "I01\n" : "I00\n"));
    return {};
  }
  Type* type = type_of(t_, object);
  if (type == t_.types().int_) {
    save_int(object);
    return {};
  }
  if (type == t_.types().float_) {
    save_float(float_value(object));
    return {};
  }
  if (int64_t number = pickler_->find(object); number >= 0) {
    put_get(number);
    return {};
  }
  return save_compound(object, type);
}

Status Saver::save_compound(Value object, Type* type) {
  TRY(t_.check_stack(" while pickling an object"));
  TRY(t_.poll_within());
  if (out_.size() >= kFrameTarget && !os::make_room(out_, kFrameTarget)) return t_.raise_memory_error();
  BuiltinTypes& types = t_.types();
  if (type == types.str) return save_str(object);
  if (type == types.bytes) return save_bytes(object);
  if (type == types.dict) return save_dict(object);
  if (type == types.list) return save_list(object);
  if (type == types.tuple) return save_tuple(object);
  if (type == types.set) return save_set(object);
  if (type == types.frozenset) return save_frozenset(object);
  if (type == types.bytearray) return save_bytearray(object);
  if (type->spec == &kPickleBufferSpec) return save_buffer(object);
  return save_by_reduce(object, type);
}

Status Saver::save_persistent(Value id) {
  if (is_binary()) {
    TRY(save(id, Ask::Nothing));
    put(kBinPersId);
    return {};
  }
  Value text = TRY(str(t_, id));
  if (!text.as<StrObject>()->is_ascii())
    return raise_pickling(t_, "persistent IDs in protocol 0 must be ASCII strings");
  put(kPersId);
  put(std::string(text.as<StrObject>()->ascii()) + "\n");
  return {};
}

// ---------------------------------------------------------------- numbers and texts

void Saver::save_int(Value number) {
  int64_t i;
  bool small = int_to_int64(number, &i);
  if (small && i >= INT32_MIN && i <= INT32_MAX) {
    if (!is_binary()) {
      put(kInt);
      put(std::to_string(i) + "\n");
    } else if (i >= 0 && i <= 0xff) {
      put(kBinInt1, static_cast<uint64_t>(i), 1);
    } else if (i >= 0 && i <= 0xffff) {
      put(kBinInt2, static_cast<uint64_t>(i), 2);
    } else {
      put(kBinInt, static_cast<uint64_t>(i), 4);
    }
    return;
  }
  if (protocol_ < 2) {
    put(kLong);
    put(int_to_text(number, 10) + "L\n");
    return;
  }
  // Two's complement, as few bytes as hold the sign.
  IntView view(number);
  bool negative = mpz_sgn(view.get()) < 0;
  Mpz value;
  size_t size = mpz_sizeinbase(view.get(), 2) / 8 + 1;
  if (negative) {
    mpz_set_ui(value, 1);
    mpz_mul_2exp(value, value, size * 8);
    mpz_add(value, value, view.get());
  } else {
    mpz_set(value, view.get());
  }
  std::string bytes(size, '\0');
  mpz_export(bytes.data(), nullptr, -1, 1, 0, 0, value);
  if (negative && size > 1 && bytes[size - 1] == '\xff' && (bytes[size - 2] & 0x80) != 0) bytes.pop_back();
  put(bytes.size() < 256 ? kLong1 : kLong4, bytes.size(), bytes.size() < 256 ? 1 : 4);
  put(bytes);
}

void Saver::save_float(double d) {
  if (!is_binary()) {
    put(kFloat);
    put(float_repr(d) + "\n");
    return;
  }
  put(kBinFloat, __builtin_bswap64(std::bit_cast<uint64_t>(d)), 8);  // big-endian
}

static std::string header_of(uint8_t opcode, uint64_t size, int bytes) {
  std::string header(static_cast<size_t>(bytes) + 1, static_cast<char>(opcode));
  store_number(&header[1], size, bytes);
  return header;
}

Status Saver::save_str(Value value) {
  auto* text = value.as<StrObject>();
  if (!is_binary()) {
    std::string escaped;
    for (size_t i = 0; i < text->length(); ++i) {
      uint32_t c = text->at(i);
      if (c > 0xffff)
        escaped += fmt::format("\\U{:08x}", c);
      else if (c > 0xff || c == '\\' || c == 0 || c == '\n' || c == '\r' || c == 0x1a)
        escaped += fmt::format("\\u{:04x}", c);
      else
        escaped += static_cast<char>(c);
    }
    put(kUnicode);
    put(escaped + "\n");
    return memoize(value);
  }
  std::string encoded;
  std::string_view utf8;
  if (text->is_ascii()) {
    utf8 = text->ascii();
  } else {
    TRY(encode_utf8_to(t_, text, "surrogatepass", encoded));
    utf8 = encoded;
  }
  if (utf8.size() <= 0xff && protocol_ >= 4) {
    put(kShortBinUnicode, utf8.size(), 1);
    put(utf8);
  } else if (utf8.size() <= 0xffffffff) {
    TRY(put_payload(header_of(kBinUnicode, utf8.size(), 4), utf8));
  } else if (protocol_ >= 4) {
    TRY(put_payload(header_of(kBinUnicode8, utf8.size(), 8), utf8));
  } else {
    return t_.raise(Exc::OverflowError,
                    "serializing a string larger than 4 GiB requires pickle protocol 4 or higher");
  }
  return memoize(value);
}

Status Saver::save_bytes(Value value) {
  std::string_view content = value.as<BytesObject>()->view();
  if (protocol_ < 3) {
    // Python 2 makes a str of it.
    if (content.empty()) return save_call(Value(t_.types().bytes), empty_tuple(t_), value);
    Value encode = TRY(get_attr(t_,
                                TRY(call(t_, dict_get_text(t_, t_.runtime().builtins_dict, "__import__"),
                                         {Value(make_str(t_, "codecs"))})),
                                "encode"));
    Value text = TRY(decode_latin1(t_, content));
    return save_call(encode, make_tuple(t_, {text, Value(make_str(t_, "latin1"))}), value);
  }
  return save_bytes_of(content, value);
}

Status Saver::save_bytes_of(std::string_view content, Value value) {
  if (content.size() <= 0xff) {
    put(kShortBinBytes, content.size(), 1);
    put(content);
  } else if (content.size() <= 0xffffffff) {
    TRY(put_payload(header_of(kBinBytes, content.size(), 4), content));
  } else if (protocol_ >= 4) {
    TRY(put_payload(header_of(kBinBytes8, content.size(), 8), content));
  } else {
    return t_.raise(Exc::OverflowError,
                    "serializing a bytes object larger than 4 GiB requires pickle protocol 4 or higher");
  }
  return memoize(value);
}

Status Saver::save_bytearray(Value value) {
  std::string content(value.as<ByteArrayObject>()->view());
  if (protocol_ < 5) {
    if (content.empty()) return save_call(Value(t_.types().bytearray), empty_tuple(t_), value);
    Value bytes = TRY(str_or_error(make_bytes(t_, content)));
    return save_call(Value(t_.types().bytearray), make_tuple(t_, {bytes}), value);
  }
  return save_bytearray_of(content, value);
}

Status Saver::save_bytearray_of(std::string_view content, Value value) {
  TRY(put_payload(header_of(kByteArray8, content.size(), 8), content));
  return memoize(value);
}

// ---------------------------------------------------------------- containers

// While its items are written, a container may turn out to be one of them: then what is on the stack goes,
// and the object that the recursion made is fetched.
Status Saver::save_tuple(Value value) {
  auto& tuple = *value.as<TupleObject>();
  size_t n = tuple.size;
  if (n == 0) {
    if (is_binary())
      put(kEmptyTuple);
    else
      put(std::string_view("(t"));
    return {};
  }
  bool short_form = n <= 3 && protocol_ >= 2;
  if (!short_form) put(kMark);
  for (size_t i = 0; i < n; ++i) TRY(save(tuple[i]));
  int64_t known = pickler_->find(value);
  if (known >= 0) {
    if (short_form)
      put(std::string(n, static_cast<char>(kPop)));
    else if (is_binary())
      put(kPopMark);
    else
      put(std::string(n + 1, static_cast<char>(kPop)));
    put_get(known);
    return {};
  }
  put(short_form ? static_cast<uint8_t>(kTuple1 + n - 1) : kTuple);
  return memoize(value);
}

static constexpr size_t kBatch = 1000;

Status Saver::save_list(Value value) {
  auto* list = value.as<ListObject>();
  if (is_binary())
    put(kEmptyList);
  else
    put(std::string_view("(l"));
  TRY(memoize(value));
  if (list->length() == 0) return {};
  if (!is_binary() || list->length() == 1) {
    for (size_t i = 0; i < list->length(); ++i) {
      Value item = list->at(i);
      if (item.is_empty()) break;
      TRY(save(item));
      put(kAppend);
    }
    return {};
  }
  for (size_t i = 0; i < list->length();) {
    TRY(t_.poll_within());
    put(kMark);
    for (size_t batch = 0; batch < kBatch && i < list->length(); ++batch, ++i) {
      Value item = list->at(i);
      if (item.is_empty()) break;  // another thread was here
      TRY(save(item));
    }
    put(kAppends);
  }
  return {};
}

Status Saver::save_dict(Value value) {
  auto* dict = value.as<DictObject>();
  if (is_binary())
    put(kEmptyDict);
  else
    put(std::string_view("(d"));
  TRY(memoize(value));
  uint64_t size = dict->length();
  if (size == 0) return {};
  size_t position = 0, batch = 0;
  bool single = !is_binary() || size == 1;
  Value key, item;
  while (dict_next(dict, &position, &key, &item)) {
    if (!single && batch == 0) put(kMark);
    TRY(save(key));
    TRY(save(item));
    if (dict->length() != size)
      return t_.raise(Exc::RuntimeError, "dictionary changed size during iteration");
    if (single) {
      put(kSetItem);
    } else if (++batch == kBatch) {
      put(kSetItems);
      batch = 0;
    }
  }
  if (batch > 0) put(kSetItems);
  return {};
}

static Value list_of_set(Thread& t, SetObject* set) {
  ListObject* items = make_list(t, set->length());
  size_t position = 0;
  Value key;
  while (set_next(set, &position, &key)) (void)list_append(t, items, key);
  return Value(items);
}

Status Saver::save_set(Value value) {
  auto* set = value.as<SetObject>();
  if (protocol_ < 4) return save_call(Value(t_.types().set), make_tuple(t_, {list_of_set(t_, set)}), value);
  put(kEmptySet);
  TRY(memoize(value));
  uint64_t size = set->length();
  size_t position = 0, batch = 0;
  Value key;
  while (set_next(set, &position, &key)) {
    if (batch == 0) put(kMark);
    TRY(save(key));
    if (set->length() != size) return t_.raise(Exc::RuntimeError, "set changed size during iteration");
    if (++batch == kBatch) {
      put(kAddItems);
      batch = 0;
    }
  }
  if (batch > 0) put(kAddItems);
  return {};
}

Status Saver::save_frozenset(Value value) {
  auto* set = value.as<SetObject>();
  if (protocol_ < 4)
    return save_call(Value(t_.types().frozenset), make_tuple(t_, {list_of_set(t_, set)}), value);
  put(kMark);
  size_t position = 0;
  Value key;
  while (set_next(set, &position, &key)) TRY(save(key));
  int64_t known = pickler_->find(value);
  if (known >= 0) {
    put(kPopMark);
    put_get(known);
    return {};
  }
  put(kFrozenSet);
  return memoize(value);
}

// What __reduce_ex__ gives to append and to set: one item alone, else batches.
Status Saver::append_items(Value iterator) {
  for (;;) {
    Value first = TRY(iter_next(t_, iterator));
    if (first.is_no_more()) return {};
    Value next = is_binary() ? TRY(iter_next(t_, iterator)) : kNoMore;
    if (next.is_no_more()) {
      TRY(save(first));
      put(kAppend);
      if (!is_binary()) continue;
      return {};
    }
    put(kMark);
    TRY(save(first));
    size_t n = 1;
    while (!next.is_no_more()) {
      TRY(save(next));
      if (++n == kBatch) break;
      next = TRY(iter_next(t_, iterator));
    }
    put(kAppends);
    if (n < kBatch) return {};
  }
}

Status Saver::set_items(Value iterator) {
  auto save_pair = [this](Value pair) -> Status {
    if (!is_tuple(pair) || pair.as<TupleObject>()->size != 2)
      return t_.raise(Exc::TypeError, "dict items iterator must return 2-tuples");
    TRY(save((*pair.as<TupleObject>())[0]));
    return save((*pair.as<TupleObject>())[1]);
  };
  for (;;) {
    Value first = TRY(iter_next(t_, iterator));
    if (first.is_no_more()) return {};
    Value next = is_binary() ? TRY(iter_next(t_, iterator)) : kNoMore;
    if (next.is_no_more()) {
      TRY(save_pair(first));
      put(kSetItem);
      if (!is_binary()) continue;
      return {};
    }
    put(kMark);
    TRY(save_pair(first));
    size_t n = 1;
    while (!next.is_no_more()) {
      TRY(save_pair(next));
      if (++n == kBatch) break;
      next = TRY(iter_next(t_, iterator));
    }
    put(kSetItems);
    if (n < kBatch) return {};
  }
}

}  // namespace mp
