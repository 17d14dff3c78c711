// _pickle: the object layouts and the opcodes. A pickle is a program for a small stack machine;
// pickletools.py of the library describes each opcode.
//   pickle_writer   Saver: objects to opcodes, framing, the memo
//   pickle_reduce   what Saver does with classes, functions and what __reduce_ex__ returns
//   pickle_reader   Reader: the stack machine, numbers, texts and containers
//   pickle_build    what Reader does with classes and objects
//   pickle_buffer   PickleBuffer
//   pickle_module   Pickler, Unpickler, dump, dumps, load, loads
#pragma once
#include <string>
#include <vector>

#include "vm/gc/root.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

enum Opcode : uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kFloat = 'F',
  kInt = 'I',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kLong = 'L',
  kBinInt2 = 'M',
  kNonePushed = 'N',
  kPersId = 'P',
  kBinPersId = 'Q',
  kReduce = 'R',
  kString = 'S',
  kBinString = 'T',
  kShortBinString = 'U',
  kUnicode = 'V',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kDictFromMark = 'd',
  kEmptyDict = '}',
  kAppends = 'e',
  kGet = 'g',
  kBinGet = 'h',
  kInst = 'i',
  kLongBinGet = 'j',
  kListFromMark = 'l',
  kEmptyList = ']',
  kObj = 'o',
  kPut = 'p',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kEmptyTuple = ')',
  kSetItems = 'u',
  kBinFloat = 'G',
  kProto = 0x80,
  kNewObj = 0x81,
  kExt1 = 0x82,
  kExt2 = 0x83,
  kExt4 = 0x84,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinBytes8 = 0x8e,
  kEmptySet = 0x8f,
  kAddItems = 0x90,
  kFrozenSet = 0x91,
  kNewObjEx = 0x92,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
  kByteArray8 = 0x96,
  kNextBuffer = 0x97,
  kReadOnlyBuffer = 0x98,
};
inline constexpr int kHighestProtocol = 5, kDefaultProtocol = 4;

// Which number each object that was written has: by identity. A raw cell.
struct MemoEntry {
  Slot key;
  std::atomic<uint64_t> number;
};
struct MemoTable {
  uint64_t capacity = 0;  // a power of two
  uint64_t reserved = 0;
  MemoEntry* entries() { return reinterpret_cast<MemoEntry*>(this + 1); }
};

struct PicklerObject : Object {
  Slot write;            // file.write; empty: __init__ was not called
  Slot dispatch_table;   // or empty: copyreg's
  Slot buffer_callback;  // or empty
  std::atomic<MemoTable*> memo{nullptr};
  std::atomic<uint64_t> memo_count{0};
  int protocol = kDefaultProtocol;
  Slot fast;  // an int
  bool fix_imports = true;

  int64_t find(Value object) const;  // its number, or -1
  Status remember(Thread& t, Value object, uint64_t number);
  void clear(Thread& t);
};

struct UnpicklerObject : Object {
  Slot read, readline;    // of the file; empty: __init__ was not called
  Slot memo;              // list; empty until the first load(), then never again
  Slot encoding, errors;  // str
  Slot buffers;           // an iterator, or empty
  bool fix_imports = true;
  std::atomic<int> protocol{0};  // of the pickle that is being read: find_class() asks
};

extern const TypeSpec kPicklerSpec, kUnpicklerSpec, kPickleBufferSpec;

void register_pickle_buffer(Thread& t);

// PickleError, PicklingError, UnpicklingError of this runtime.
Result<Value> pickle_error_class(Thread& t, const char* name);
Error raise_pickling(Thread& t, const std::string& message);
Error raise_unpickling(Thread& t, const std::string& message);

// One dump(). Lives on the native stack, where the collector sees its Values.
class Saver {
 public:
  // `file_write`: empty keeps everything in bytes().
  Saver(Thread& t, PicklerObject* pickler, Value file_write)
      : t_(t), pickler_(pickler), write_(file_write), protocol_(pickler->protocol) {}
  Status dump(Value object);
  const std::string& bytes() const { return out_; }

 private:
  enum class Ask : uint8_t { PersistentId, Nothing };
  Status save(Value object, Ask ask = Ask::PersistentId);
  Status save_compound(Value object, Type* type);
  // pickle_writer.cpp
  void save_int(Value any_int);
  void save_float(double d);
  Status save_str(Value text);
  Status save_bytes(Value bytes);
  Status save_bytearray(Value bytearray);
  Status save_bytes_of(std::string_view content, Value object);  // and remembers the object
  Status save_bytearray_of(std::string_view content, Value object);
  Status save_buffer(Value buffer);  // pickle_buffer.cpp
  Status save_tuple(Value tuple);
  Status save_list(Value list);
  Status save_dict(Value dict);
  Status save_set(Value set);
  Status save_frozenset(Value set);
  Status save_persistent(Value id);
  Status append_items(Value iterator);
  Status set_items(Value iterator);
  // pickle_reduce.cpp
  Status save_by_reduce(Value object, Type* type);
  Status save_reduced(Value tuple, Value object_or_empty);
  Status save_call(Value function, Value arguments, Value object_or_empty);
  Status save_class(Value cls);
  Status save_global(Value object, Value name_or_empty);
  Result<Value> copyreg_attr(const char* name);

  // Output. Protocol 4 and up: frames, which let a reader fetch many opcodes at once.
  void put(uint8_t byte) {
    open_frame();
    out_ += static_cast<char>(byte);
  }
  void put(std::string_view bytes) {
    open_frame();
    out_ += bytes;
  }
  // An opcode and its little-endian argument of up to 8 bytes.
  void put(uint8_t opcode, uint64_t number, int bytes) {
    put(opcode);
    for (; bytes > 0; --bytes, number >>= 8) out_ += static_cast<char>(number);
  }
  Status put_payload(std::string_view header, std::string_view payload);
  void open_frame() {
    if (framing_ && frame_ == kNoFrame) [[unlikely]] {
      frame_ = out_.size();
      out_.append(9, '\0');
    }
  }
  void close_frame();
  // Between two opcodes a frame that is long enough ends.
  Status boundary() {
    return frame_ == kNoFrame || out_.size() - frame_ - 9 < kFrameTarget ? Status() : end_frame();
  }
  Status end_frame();
  Status flush();
  void put_get(int64_t number);
  Status memoize(Value object);
  bool is_binary() const { return protocol_ >= 1; }

  static constexpr size_t kNoFrame = static_cast<size_t>(-1), kFrameTarget = 64 * 1024, kFrameLeast = 4;
  Thread& t_;
  PicklerObject* pickler_;
  Value write_;
  Value persistent_id_{}, reducer_override_{}, dispatch_table_{};
  int protocol_;
  bool fast_ = false;
  bool framing_ = false;
  size_t frame_ = kNoFrame;
  std::string out_;
};

// One load(). Its input may be hostile: every opcode checks what it finds on the stack and how much input
// there is.
class Reader {
 public:
  Reader(Thread& t, UnpicklerObject* unpickler, std::string_view data, bool from_file)
      : t_(t), unpickler_(unpickler), data_(data), from_file_(from_file), stack_(t) {
    plain_ = unpickler->type()->spec == &kUnpicklerSpec;
  }
  Result<Value> load();

 private:
  Status step(uint8_t opcode);
  // ---- input
  Result<std::string_view> read(size_t count);
  Result<std::string> read_line();
  Result<uint64_t> read_number(int bytes) {
    std::string_view bytes_read = TRY(read(static_cast<size_t>(bytes)));
    uint64_t number = 0;
    for (int i = bytes; i-- > 0;)
      number = number << 8 | static_cast<uint8_t>(bytes_read[static_cast<size_t>(i)]);
    return number;
  }
  Result<std::string_view> read_counted(int bytes, const char* opcode);
  // ---- stack
  size_t fence() const { return marks_.empty() ? 0 : marks_.back(); }
  Status need(size_t count) {
    if (stack_.size() - fence() >= count) [[likely]]
      return {};
    return raise_unpickling(t_, marks_.empty() ? "unpickling stack underflow" : "unexpected MARK found");
  }
  Result<Value> pop() {
    TRY(need(1));
    Value top = stack_.back();
    stack_.pop_back();
    return top;
  }
  // Where the items above the last mark begin; the mark is gone then.
  Result<size_t> pop_mark() {
    if (marks_.empty()) return raise_unpickling(t_, "could not find MARK");
    size_t mark = marks_.back();
    marks_.pop_back();
    return mark;
  }
  Status push(Result<Value> value) {
    if (value.is_error()) return Error{};
    stack_.push_back(value.value());
    return {};
  }
  Value tuple_from(size_t begin) {
    Value tuple = make_tuple(t_, stack_.data() + begin, stack_.size() - begin);
    stack_.resize(begin);
    return tuple;
  }
  // ---- opcodes: pickle_reader.cpp
  Status load_text_int();
  Status load_text_long();
  Status load_text_float();
  Status load_long(size_t size);
  Status load_text_string();
  Status push_python2(std::string_view content);
  Status append_to(size_t begin);
  Status set_items(size_t begin);
  Status add_items(size_t begin);
  Status get_memo(uint64_t index);
  Status put_memo(uint64_t index);
  Result<int64_t> line_number(const char* what);
  ListObject* memo() { return unpickler_->memo.get().as<ListObject>(); }  // may be another each time
  // pickle_build.cpp
  Status push_global(Value module, Value name);
  Status instantiate(Value cls, Value arguments);
  Status new_object(bool keywords);
  Status build();
  Status set_state(Value object, Value state);
  Status persistent(Value id);
  Status extension(int64_t code);
  Status next_buffer();

  Thread& t_;
  UnpicklerObject* unpickler_;
  std::string_view data_;  // what lies in memory: all of it, or what was read of a file
  size_t at_ = 0;
  bool from_file_, plain_;
  std::string buffer_;  // behind data_, for a file
  RootVector stack_;
  std::vector<size_t> marks_;
};

Result<Value> unpickle(Thread& t, UnpicklerObject* unpickler, std::string_view data);
Result<Value> unpickle_file(Thread& t, UnpicklerObject* unpickler);
Result<Value> find_class(Thread& t, bool fix_imports, int protocol, Value module, Value name);
// The attribute that a dotted name leads to; *parent is what holds the last one. AttributeError.
Result<Value> deep_attribute(Thread& t, Value module, StrObject* dotted_name, Value* parent);

}  // namespace mp
