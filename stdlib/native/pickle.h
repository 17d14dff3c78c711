// _pickle: the object layouts and the opcodes. A pickle is a program for a small stack machine;
// pickletools.py of the library describes each opcode.
//   pickle_writer   Saver: objects to opcodes, framing, the memo
//   pickle_reduce   what Saver does with classes, functions and what __reduce_ex__ returns
//   pickle_reader   Reader: the stack machine
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
  void clear();
};

struct UnpicklerObject : Object {
  Slot read, readline;    // of the file; empty: __init__ was not called
  Slot memo;              // list
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

// One load().
Result<Value> unpickle(Thread& t, UnpicklerObject* unpickler, std::string_view data);
Result<Value> unpickle_file(Thread& t, UnpicklerObject* unpickler);
Result<Value> find_class(Thread& t, bool fix_imports, int protocol, Value module, Value name);
// The attribute that a dotted name leads to; *parent is what holds the last one. AttributeError.
Result<Value> deep_attribute(Thread& t, Value module, StrObject* dotted_name, Value* parent);

}  // namespace mp
