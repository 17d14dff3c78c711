// zlib: compress and decompress, at once or as a stream, and the two checksums; all of it outside the GIL.
#include <zlib.h>

#include <algorithm>
#include <mutex>

#include "stdlib/native/native_error.h"
#include "vm/gc/heap.h"
#include "vm/native/native.h"
#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/types/buffer.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

constexpr int64_t kDefaultBuffer = 16 * 1024;
constexpr size_t kSmallChecksum = 5 * 1024;  // below, giving up the GIL costs more than it gains

struct StreamObject : Object {
  z_stream stream;
  // Under the mutex; read without it as well.
  std::atomic<bool> finished;  // compression: flushed with Z_FINISH, takes no more
  std::atomic<bool> eof;       // decompression: the end of the compressed stream was met
  std::mutex mutex;
  Slot dictionary;                    // bytes, or empty
  Slot unused_data, unconsumed_tail;  // bytes
};
extern const TypeSpec kCompressSpec, kDecompressSpec;

void trace_stream(Object* o, Tracer& tracer) {
  tracer.visit_slots(&static_cast<StreamObject*>(o)->dictionary, 3);
}
void end_compress(Object* o) { deflateEnd(&static_cast<StreamObject*>(o)->stream); }
void end_decompress(Object* o) { inflateEnd(&static_cast<StreamObject*>(o)->stream); }

Error raise_zlib(Thread& t, int code, const z_stream& stream, const char* what) {
  if (code == Z_MEM_ERROR) return t.raise_memory_error();
  const char* reason = code == Z_VERSION_ERROR ? "library version mismatch" : stream.msg;
  if (reason == nullptr) {
    if (code == Z_BUF_ERROR) reason = "incomplete or truncated stream";
    if (code == Z_STREAM_ERROR) reason = "inconsistent stream state";
    if (code == Z_DATA_ERROR) reason = "invalid input data";
  }
  std::string text = fmt::format("Error {} {}", code, what);
  if (reason != nullptr) text += fmt::format(": {}", reason);
  return raise_native(t, "zlib", "error", Exc::Exception, text);
}
Error raise_zlib(Thread& t, const char* text) {
  return raise_native(t, "zlib", "error", Exc::Exception, text);
}

// The stream to itself, and without the GIL.
template <class Work>
auto exclusive(Thread& t, StreamObject* self, Work work) {
  BlockingRegion out(t);
  std::lock_guard<std::mutex> guard(self->mutex);
  return work();
}

// Feeds `input` to deflate() or inflate() until it is used up (or `limit` bytes came out) and gathers the
// output. zlib counts in 32 bits: larger inputs go in pieces.
template <class Step>
int pump(z_stream& stream, std::string_view& input, std::string& output, int flush, size_t limit, Step step) {
  int code = Z_OK;
  do {
    uInt piece = static_cast<uInt>(std::min<size_t>(input.size(), UINT32_MAX));
    bool last = piece == input.size();
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream.avail_in = piece;
    do {
      size_t room = std::clamp<size_t>(output.size(), kDefaultBuffer, 1 << 26);
      room = std::min(room, limit - output.size());
      size_t before = output.size();
      if (!os::make_room(output, room)) return Z_MEM_ERROR;
      output.resize(before + room);
      stream.next_out = reinterpret_cast<Bytef*>(output.data() + before);
      stream.avail_out = static_cast<uInt>(room);
      code = step(&stream, last ? flush : Z_NO_FLUSH);
      output.resize(before + room - stream.avail_out);
    } while (stream.avail_out == 0 && output.size() < limit && (code == Z_OK || code == Z_BUF_ERROR));
    input.remove_prefix(piece - stream.avail_in);
  } while (!input.empty() && code == Z_OK && output.size() < limit);
  stream.next_in = nullptr;
  stream.avail_in = 0;
  return code;
}

Result<Value> bytes_of(Thread& t, std::string_view text) { return str_or_error(make_bytes(t, text)); }

// ---------------------------------------------------------------- at once

Result<Value> zlib_compress(Thread& t, const Value* args) {
  HeldBuffer data;
  TRY(data.get(t, args[0]));
  int level = TRY(to_c_int(t, args[1])), bits = TRY(to_c_int(t, args[2]));
  z_stream stream{};
  std::string out;
  int code;
  {
    BlockingRegion region(t);
    code = deflateInit2(&stream, level, Z_DEFLATED, bits, MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY);
    if (code == Z_OK) {
      std::string_view input = data.bytes();
      code = pump(stream, input, out, Z_FINISH, SIZE_MAX, deflate);
      deflateEnd(&stream);
    }
  }
  if (code == Z_STREAM_ERROR) return raise_zlib(t, "Bad compression level");
  if (code != Z_STREAM_END) return raise_zlib(t, code, stream, "while compressing data");
  return bytes_of(t, out);
}

Result<Value> zlib_decompress(Thread& t, const Value* args) {
  HeldBuffer data;
  TRY(data.get(t, args[0]));
  int bits = TRY(to_c_int(t, args[1]));
  int64_t buffer_size = TRY(to_ssize(t, args[2]));
  if (buffer_size < 0) return t.raise(Exc::ValueError, "bufsize must be non-negative");
  z_stream stream{};
  std::string out;
  int code = inflateInit2(&stream, bits);
  if (code != Z_OK) {
    inflateEnd(&stream);
    return raise_zlib(t, code, stream, "while preparing to decompress data");
  }
  {
    BlockingRegion region(t);
    std::string_view input = data.bytes();
    code = pump(stream, input, out, Z_SYNC_FLUSH, SIZE_MAX, inflate);
    inflateEnd(&stream);  // leaves stream.msg, which is static text
  }
  if (code == Z_NEED_DICT) return raise_zlib(t, code, stream, "while decompressing data");
  if (code == Z_OK) code = Z_BUF_ERROR;  // the input ended before the stream did
  if (code != Z_STREAM_END) return raise_zlib(t, code, stream, "while decompressing data");
  return bytes_of(t, out);
}

// ---------------------------------------------------------------- streams

StreamObject* self_of(const Value* args) { return args[0].as<StreamObject>(); }

StreamObject* make_stream(Thread& t, const TypeSpec& spec, Value dictionary) {
  auto* self = t.heap().make<StreamObject>(t, native_type(t, spec));
  self->dictionary = dictionary;
  self->unused_data = self->unconsumed_tail = Value(make_bytes(t, ""));
  return self;
}

Result<Value> dictionary_argument(Thread& t, Value v) {
  if (v.is_none() || v.is_empty()) return Value();
  if (!supports_buffer(t, v))
    return t.raise(Exc::TypeError, "zdict argument must support the buffer protocol");
  HeldBuffer held;
  TRY(held.get(t, v));
  return bytes_of(t, held.bytes());
}
int use_dictionary(StreamObject* self, int (*set)(z_stream*, const Bytef*, uInt)) {
  std::string_view bytes = self->dictionary.get().as<BytesObject>()->view();
  return set(&self->stream, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
}

Result<Value> zlib_compressobj(Thread& t, const Value* args) {
  int numbers[5];
  for (int i = 0; i < 5; ++i) numbers[i] = TRY(to_c_int(t, args[i]));
  StreamObject* self = make_stream(t, kCompressSpec, TRY(dictionary_argument(t, args[5])));
  int code = deflateInit2(&self->stream, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]);
  if (code == Z_STREAM_ERROR) return t.raise(Exc::ValueError, "Invalid initialization option");
  if (code != Z_OK) return raise_zlib(t, code, self->stream, "while creating compression object");
  t.heap().register_native_finalizer(self, end_compress);
  if (!self->dictionary.get().is_empty() && use_dictionary(self, deflateSetDictionary) != Z_OK)
    return t.raise(Exc::ValueError, "Invalid dictionary");
  return Value(self);
}

Result<Value> run_compress(Thread& t, StreamObject* self, std::string_view input, int flush) {
  std::string out;
  const char* what = flush == Z_NO_FLUSH ? "while compressing data" : "while flushing";
  if (self->finished) return raise_zlib(t, Z_STREAM_ERROR, self->stream, what);
  int code = exclusive(t, self, [&] {
    int result = pump(self->stream, input, out, flush, SIZE_MAX, deflate);
    // A stream that is done gives its memory (a quarter of a megabyte) back at once, not when the collector
    // finds it.
    if (flush == Z_FINISH && result == Z_STREAM_END) {
      deflateEnd(&self->stream);
      self->finished = true;
    }
    return result;
  });
  if (code != Z_OK && code != Z_BUF_ERROR && code != Z_STREAM_END)
    return raise_zlib(t, code, self->stream, what);
  return bytes_of(t, out);
}
Result<Value> compress_compress(Thread& t, const Value* args) {
  HeldBuffer data;
  TRY(data.get(t, args[1]));
  return run_compress(t, self_of(args), data.bytes(), Z_NO_FLUSH);
}
Result<Value> compress_flush(Thread& t, const Value* args) {
  int mode = TRY(to_c_int(t, args[1]));
  if (mode == Z_NO_FLUSH) return bytes_of(t, "");
  return run_compress(t, self_of(args), "", mode);
}

StreamObject* empty_copy(Thread& t, StreamObject* self, const TypeSpec& spec) {
  StreamObject* copy = make_stream(t, spec, self->dictionary);
  copy->unused_data = self->unused_data.get();
  copy->unconsumed_tail = self->unconsumed_tail.get();
  copy->eof = self->eof.load();
  return copy;
}
Result<Value> compress_copy(Thread& t, const Value* args) {
  StreamObject* self = self_of(args);
  StreamObject* copy = empty_copy(t, self, kCompressSpec);
  int code = exclusive(t, self, [&] { return deflateCopy(&copy->stream, &self->stream); });
  if (code == Z_STREAM_ERROR) return t.raise(Exc::ValueError, "Inconsistent stream state");
  if (code != Z_OK) return raise_zlib(t, code, self->stream, "while copying compression object");
  t.heap().register_native_finalizer(copy, end_compress);
  return Value(copy);
}

Result<Value> zlib_decompressobj(Thread& t, const Value* args) {
  int bits = TRY(to_c_int(t, args[0]));
  StreamObject* self = make_stream(t, kDecompressSpec, TRY(dictionary_argument(t, args[1])));
  int code = inflateInit2(&self->stream, bits);
  if (code == Z_STREAM_ERROR) return t.raise(Exc::ValueError, "Invalid initialization option");
  if (code != Z_OK) return raise_zlib(t, code, self->stream, "while creating decompression object");
  t.heap().register_native_finalizer(self, end_decompress);
  // A raw stream names no dictionary: it must be there from the start.
  if (!self->dictionary.get().is_empty() && bits < 0 && use_dictionary(self, inflateSetDictionary) != Z_OK)
    return raise_zlib(t, Z_DATA_ERROR, self->stream, "while setting zdict");
  return Value(self);
}

// Appends to `unused_data`, as often as another thread comes in between.
void add_unused(Thread& t, StreamObject* self, std::string_view more) {
  for (;;) {
    Value known = self->unused_data;
    std::string unused(known.as<BytesObject>()->view());
    unused += more;
    if (self->unused_data.compare_exchange(known, make_bytes(t, unused))) return;
  }
}

Result<Value> run_decompress(Thread& t, StreamObject* self, std::string_view input, int flush, size_t limit) {
  std::string out;
  bool bad_dictionary = false;
  auto step = [&] {
    int result = pump(self->stream, input, out, flush, limit, inflate);
    if (result != Z_NEED_DICT || self->dictionary.get().is_empty()) return result;
    if (use_dictionary(self, inflateSetDictionary) != Z_OK) {
      bad_dictionary = true;
      return Z_DATA_ERROR;
    }
    return pump(self->stream, input, out, flush, limit, inflate);
  };
  int code = exclusive(t, self, [&] {
    if (self->eof) return Z_STREAM_END;  // by now
    int result = step();
    if (result == Z_STREAM_END) {
      inflateEnd(&self->stream);
      self->eof = true;
    }
    return result;
  });
  if (bad_dictionary) return raise_zlib(t, code, self->stream, "while setting zdict");
  if (code == Z_STREAM_END) {
    add_unused(t, self, input);
    self->unconsumed_tail = Value(make_bytes(t, ""));
  } else {
    self->unconsumed_tail = Value(make_bytes(t, input));
    if (code != Z_OK && code != Z_BUF_ERROR)
      return raise_zlib(t, code, self->stream, "while decompressing data");
  }
  return bytes_of(t, out);
}
Result<Value> decompress_decompress(Thread& t, const Value* args) {
  HeldBuffer data;
  TRY(data.get(t, args[1]));
  int64_t limit = TRY(to_ssize(t, args[2]));
  if (limit < 0) return t.raise(Exc::ValueError, "max_length must be non-negative");
  StreamObject* self = self_of(args);
  if (self->eof) {
    add_unused(t, self, data.bytes());
    return bytes_of(t, "");
  }
  return run_decompress(t, self, data.bytes(), Z_SYNC_FLUSH,
                        limit == 0 ? SIZE_MAX : static_cast<size_t>(limit));
}
Result<Value> decompress_flush(Thread& t, const Value* args) {
  if (TRY(to_ssize(t, args[1])) <= 0) return t.raise(Exc::ValueError, "length must be greater than zero");
  StreamObject* self = self_of(args);
  if (self->eof) return bytes_of(t, "");
  Value tail = self->unconsumed_tail;
  return run_decompress(t, self, tail.as<BytesObject>()->view(), Z_FINISH, SIZE_MAX);
}
Result<Value> decompress_copy(Thread& t, const Value* args) {
  StreamObject* self = self_of(args);
  StreamObject* copy = empty_copy(t, self, kDecompressSpec);
  if (self->eof) return Value(copy);  // no more to come: the stream is ended
  int code = exclusive(t, self, [&] { return inflateCopy(&copy->stream, &self->stream); });
  if (code == Z_STREAM_ERROR) return t.raise(Exc::ValueError, "Inconsistent stream state");
  if (code != Z_OK) return raise_zlib(t, code, self->stream, "while copying decompression object");
  t.heap().register_native_finalizer(copy, end_decompress);
  return Value(copy);
}
Result<Value> get_eof(Thread&, Value self) { return Value::from_bool(self.as<StreamObject>()->eof); }

const NativeDef kCompressMethods[] = {
    MP_METHOD(compress_compress, "compress(self, data, /)",
              "Returns a bytes object containing compressed data."),
    MP_METHOD(compress_flush, "flush(self, mode=4, /)",
              "Return a bytes object containing any remaining compressed data."),
    MP_METHOD(compress_copy, "copy(self, /)", "Return a copy of the compression object."),
    MP_METHOD(compress_copy, "__copy__(self, /)", nullptr),
    MP_METHOD(compress_copy, "__deepcopy__(self, memo, /)", nullptr),
    MP_END};
const NativeDef kDecompressMethods[] = {
    MP_METHOD(decompress_decompress, "decompress(self, data, /, max_length=0)",
              "Return a bytes object containing the decompressed version of the data."),
    MP_METHOD(decompress_flush, "flush(self, length=16384, /)",
              "Return a bytes object containing any remaining decompressed data."),
    MP_METHOD(decompress_copy, "copy(self, /)", "Return a copy of the decompression object."),
    MP_METHOD(decompress_copy, "__copy__(self, /)", nullptr),
    MP_METHOD(decompress_copy, "__deepcopy__(self, memo, /)", nullptr),
    MP_END};
const MemberDef kDecompressMembers[] = {
    {"unused_data", offsetof(StreamObject, unused_data), true, nullptr},
    {"unconsumed_tail", offsetof(StreamObject, unconsumed_tail), true, nullptr},
    {}};
const GetSetDef kDecompressGetSets[] = {{"eof", get_eof, nullptr, nullptr}, {}};
const TypeSpec kCompressSpec = {.name = "zlib.Compress",
                                .size = sizeof(StreamObject),
                                .flags = kTypeDisallowNew,
                                .trace = trace_stream,
                                .methods = kCompressMethods};
const TypeSpec kDecompressSpec = {.name = "zlib.Decompress",
                                  .size = sizeof(StreamObject),
                                  .flags = kTypeDisallowNew,
                                  .trace = trace_stream,
                                  .methods = kDecompressMethods,
                                  .getsets = kDecompressGetSets,
                                  .members = kDecompressMembers};

// ---------------------------------------------------------------- checksums

template <uLong (*kSum)(uLong, const Bytef*, z_size_t)>
Result<Value> checksum(Thread& t, const Value* args) {
  HeldBuffer data;
  TRY(data.get(t, args[0]));
  Value start = TRY(to_index(t, args[1]));
  IntView number(start);
  mpz_t low;
  mpz_init(low);
  mpz_fdiv_r_2exp(low, number.get(), 32);
  uLong sum = mpz_get_ui(low);
  mpz_clear(low);
  auto* bytes = reinterpret_cast<const Bytef*>(data.bytes().data());
  if (data.bytes().size() > kSmallChecksum) {
    BlockingRegion region(t);
    sum = kSum(sum, bytes, data.bytes().size());
  } else {
    sum = kSum(sum, bytes, data.bytes().size());
  }
  return Value::from_int(static_cast<int64_t>(sum & 0xffffffff));
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(zlib_compress, "compress(data, /, level=-1, wbits=15)",
                "Returns a bytes object containing compressed data."),
    MP_FUNCTION(zlib_decompress, "decompress(data, /, wbits=15, bufsize=16384)",
                "Returns a bytes object containing the uncompressed data."),
    MP_FUNCTION(zlib_compressobj,
                "compressobj(level=-1, method=8, wbits=15, memLevel=8, strategy=0, zdict=None)",
                "Return a compressor object."),
    MP_FUNCTION(zlib_decompressobj, "decompressobj(wbits=15, zdict=?)", "Return a decompressor object."),
    MP_FUNCTION(checksum<crc32_z>, "crc32(data, value=0, /)", "Compute a CRC-32 checksum of data."),
    MP_FUNCTION(checksum<adler32_z>, "adler32(data, value=1, /)", "Compute an Adler-32 checksum of data."),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  TRY(module_add(t, module, "error", TRY(native_error(t, "zlib", "error", Exc::Exception))));
#define MP_CONSTANT(name) \
  { #name, name }
  const std::pair<const char*, int64_t> constants[] = {MP_CONSTANT(MAX_WBITS),
                                                       MP_CONSTANT(Z_NO_COMPRESSION),
                                                       MP_CONSTANT(Z_BEST_SPEED),
                                                       MP_CONSTANT(Z_BEST_COMPRESSION),
                                                       MP_CONSTANT(Z_DEFAULT_COMPRESSION),
                                                       MP_CONSTANT(Z_FILTERED),
                                                       MP_CONSTANT(Z_HUFFMAN_ONLY),
                                                       MP_CONSTANT(Z_RLE),
                                                       MP_CONSTANT(Z_FIXED),
                                                       MP_CONSTANT(Z_DEFAULT_STRATEGY),
                                                       MP_CONSTANT(Z_NO_FLUSH),
                                                       MP_CONSTANT(Z_PARTIAL_FLUSH),
                                                       MP_CONSTANT(Z_SYNC_FLUSH),
                                                       MP_CONSTANT(Z_FULL_FLUSH),
                                                       MP_CONSTANT(Z_FINISH),
                                                       MP_CONSTANT(Z_BLOCK),
                                                       MP_CONSTANT(Z_TREES),
                                                       {"DEFLATED", Z_DEFLATED},
                                                       {"DEF_MEM_LEVEL", MAX_MEM_LEVEL - 1},
                                                       {"DEF_BUF_SIZE", kDefaultBuffer}};
  for (auto [name, value] : constants) TRY(module_add_int(t, module, name, value));
  TRY(module_add_text(t, module, "ZLIB_VERSION", ZLIB_VERSION));
  return module_add_text(t, module, "ZLIB_RUNTIME_VERSION", zlibVersion());
}

}  // namespace

extern const ModuleSpec kZlibModule;
const ModuleSpec kZlibModule = {"zlib", "Compression compatible with gzip (RFC 1950 to 1952).", kFunctions,
                                init_module};

}  // namespace mp
