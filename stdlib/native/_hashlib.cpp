// _hashlib, _blake2 and the modules of single digests: hash objects over stdlib/native/digest.h.
#include <memory>
#include <mutex>

#include "stdlib/native/digest.h"
#include "stdlib/native/native_error.h"
#include "vm/modules/modules.h"
#include "vm/native/native.h"
#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/types/buffer.h"
#include "vm/types/bytes_methods.h"
#include "vm/types/function.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

extern const TypeSpec kHashSpec, kXofSpec, kHmacSpec, kBlake2bSpec, kBlake2sSpec;

// One layout for all: `outer` counts for HMAC only.
struct HashObject : Object {
  std::mutex mutex;  // the GIL is not held while much data is hashed
  Digest digest, outer;
};

constexpr size_t kDetachAbove = 2047;  // bytes; CPython's limit: below, giving up the GIL costs more

// Runs `work` with the hash to itself, and without the GIL where that pays or where we would have to wait.
template <class Work>
void exclusive(Thread& t, HashObject* hash, size_t size, Work work) {
  if (size <= kDetachAbove && hash->mutex.try_lock()) {
    work();
    hash->mutex.unlock();
    return;
  }
  BlockingRegion out(t);
  std::lock_guard<std::mutex> guard(hash->mutex);
  work();
}

Status hashable_data(Thread& t, HeldBuffer& held, Value data) {
  if (is_str(data)) return t.raise(Exc::TypeError, "Strings must be encoded before hashing");
  if (!supports_buffer(t, data)) return t.raise(Exc::TypeError, "object supporting the buffer API required");
  return held.get(t, data);
}

Status feed(Thread& t, HashObject* hash, Value data) {
  HeldBuffer held;
  TRY(hashable_data(t, held, data));
  exclusive(t, hash, held.bytes().size(), [&] { hash->digest.update(held.bytes()); });
  return {};
}

Result<Value> make_hash(Thread& t, const DigestAlgorithm* algorithm, Value data) {
  const TypeSpec& spec = algorithm->digest_size == 0 ? kXofSpec : kHashSpec;
  auto* hash = t.heap().make<HashObject>(t, native_type(t, spec));
  hash->digest.start(algorithm);
  if (!data.is_empty() && !data.is_none()) TRY(feed(t, hash, data));
  return Value(hash);
}

// ---------------------------------------------------------------- methods

HashObject* self_of(const Value* args) { return args[0].as<HashObject>(); }

std::string final_bytes(Thread& t, HashObject* hash, size_t length) {
  std::string out;
  exclusive(t, hash, length, [&] {
    if (hash->outer.algorithm() == nullptr) {
      out = hash->digest.result(length);
    } else {
      Digest last = hash->outer;
      last.update(hash->digest.result());
      out = last.result();
    }
  });
  return out;
}

Result<Value> hash_update(Thread& t, const Value* args) {
  TRY(feed(t, self_of(args), args[1]));
  return kNone;
}
Result<Value> hash_digest(Thread& t, const Value* args) {
  return str_or_error(make_bytes(t, final_bytes(t, self_of(args), 0)));
}
Result<Value> hex_string(Thread& t, const std::string& bytes) { return hex_text(t, bytes, {}, HexType::Str); }
Result<Value> hash_hexdigest(Thread& t, const Value* args) {
  return hex_string(t, final_bytes(t, self_of(args), 0));
}
Result<size_t> output_length(Thread& t, Value v) {
  int64_t length = TRY(to_ssize(t, v));
  if (length < 0) return t.raise(Exc::ValueError, "value must be positive");
  if (length >= 1 << 29) return t.raise(Exc::ValueError, "length is too large");
  return static_cast<size_t>(length);
}
Result<Value> xof_digest(Thread& t, const Value* args) {
  return str_or_error(make_bytes(t, final_bytes(t, self_of(args), TRY(output_length(t, args[1])))));
}
Result<Value> xof_hexdigest(Thread& t, const Value* args) {
  return hex_string(t, final_bytes(t, self_of(args), TRY(output_length(t, args[1]))));
}
Result<Value> hash_copy(Thread& t, const Value* args) {
  HashObject* self = self_of(args);
  auto* copy = t.heap().make<HashObject>(t, self->type());
  exclusive(t, self, 0, [&] { copy->digest = self->digest, copy->outer = self->outer; });
  return Value(copy);
}
Result<Value> hash_name(Thread& t, Value self) {
  std::string name = self.as<HashObject>()->digest.algorithm()->name;
  return make_str(t, self.as<HashObject>()->outer.algorithm() != nullptr ? "hmac-" + name : name);
}
Result<Value> hash_digest_size(Thread&, Value self) {
  return Value::from_int(static_cast<int64_t>(self.as<HashObject>()->digest.digest_size()));
}
Result<Value> hash_block_size(Thread&, Value self) {
  return Value::from_int(self.as<HashObject>()->digest.algorithm()->block_size);
}
Result<Value> hash_repr(Thread& t, Value self) {
  auto* hash = self.as<HashObject>();
  const DigestAlgorithm* algorithm = hash->digest.algorithm();
  const char* kind = hash->outer.algorithm() != nullptr ? "HMAC"
                     : algorithm->digest_size == 0      ? "_hashlib.HASHXOF"
                                                        : "_hashlib.HASH";
  return make_str(t,
                  fmt::format("<{} {} object @ {}>", algorithm->name, kind, static_cast<const void*>(hash)));
}

const GetSetDef kHashGetSets[] = {{"name", hash_name, nullptr, nullptr},
                                  {"digest_size", hash_digest_size, nullptr, nullptr},
                                  {"block_size", hash_block_size, nullptr, nullptr},
                                  {nullptr, nullptr, nullptr, nullptr}};
#define MP_HASH_METHODS                                                   \
  MP_METHOD(hash_update, "update(self, obj, /)",                          \
            "Update this hash object's state with the provided string."), \
      MP_METHOD(hash_copy, "copy(self, /)", "Return a copy of the hash object.")
const NativeDef kHashMethods[] = {
    MP_HASH_METHODS, MP_METHOD(hash_digest, "digest(self, /)", "Return the digest value as a bytes object."),
    MP_METHOD(hash_hexdigest, "hexdigest(self, /)",
              "Return the digest value as a string of hexadecimal digits."),
    MP_END};
const NativeDef kXofMethods[] = {
    MP_METHOD(xof_digest, "digest(self, /, length)", "Return the digest value as a bytes object."),
    MP_METHOD(xof_hexdigest, "hexdigest(self, /, length)",
              "Return the digest value as a string of hexadecimal digits."),
    MP_END};
const TypeSpec kHashSpec = {
    .name = "_hashlib.HASH",
    .size = sizeof(HashObject),
    .flags = kTypeDisallowNew | kTypeBaseType,
    .doc = "A hash is an object used to calculate a checksum of a string of information.",
    .slots = MP_SLOTS(.repr = hash_repr),
    .methods = kHashMethods,
    .getsets = kHashGetSets};
const TypeSpec kXofSpec = {.name = "_hashlib.HASHXOF",
                           .base_spec = &kHashSpec,
                           .size = sizeof(HashObject),
                           .flags = kTypeDisallowNew,
                           .doc = "A hash whose digest is as long as the caller wishes.",
                           .methods = kXofMethods};
const TypeSpec kHmacSpec = {.name = "_hashlib.HMAC",
                            .size = sizeof(HashObject),
                            .flags = kTypeDisallowNew,
                            .doc = "The object used to calculate HMAC of a message.",
                            .slots = MP_SLOTS(.repr = hash_repr),
                            .methods = kHashMethods,
                            .getsets = kHashGetSets};

// ---------------------------------------------------------------- constructors

Result<Value> new_hash(Thread& t, const Value* args) {
  if (!is_str(args[0])) return t.raise(Exc::TypeError, "name must be a string");
  std::string name = to_utf8(args[0].as<StrObject>());
  const DigestAlgorithm* algorithm = find_digest(name);
  if (algorithm == nullptr) return t.raise(Exc::ValueError, "unsupported hash type {}", name);
  return make_hash(t, algorithm, args[1]);
}

template <size_t kIndex>
Result<Value> make_indexed(Thread& t, const Value* args) {
  return make_hash(t, &kDigests[kIndex], args[0]);
}
#define MP_DIGEST(index, function_name)                                                   \
  MP_FUNCTION(make_indexed<index>, function_name "(string=b'', *, usedforsecurity=True)", \
              "Returns a hash object; optionally initialized with a string")
constexpr size_t kMd5 = 0, kSha1 = 1, kSha224 = 2, kSha3 = 6;  // places in kDigests

// ---------------------------------------------------------------- keyed functions

// A digest's name, or one of our constructors: openssl_sha256.
Result<const DigestAlgorithm*> digest_argument(Thread& t, Value v) {
  std::string name;
  if (is_str(v)) {
    name = to_utf8(v.as<StrObject>());
  } else if (v.is_object() && v.as_object()->type() == t.types().native_function) {
    name = to_utf8(v.as<NativeFunctionObject>()->name.get().as<StrObject>());
    if (name.starts_with("openssl_")) name.erase(0, 8);
  }
  const DigestAlgorithm* algorithm = find_digest(name);
  if (algorithm == nullptr || algorithm->digest_size == 0) {
    return raise_native(t, "_hashlib", "UnsupportedDigestmodError", Exc::ValueError,
                        "Unsupported digestmod " + name);
  }
  return algorithm;
}

Result<Value> hmac_new(Thread& t, const Value* args) {
  if (args[2].is_none()) return t.raise(Exc::TypeError, "Missing required parameter 'digestmod'.");
  const DigestAlgorithm* algorithm = TRY(digest_argument(t, args[2]));
  HeldBuffer key;
  TRY(key.get(t, args[0]));
  Hmac keyed;
  keyed.start(algorithm, key.bytes());
  auto* hash = t.heap().make<HashObject>(t, native_type(t, kHmacSpec));
  hash->digest = keyed.inner;
  hash->outer = keyed.outer;
  if (!args[1].is_none()) TRY(feed(t, hash, args[1]));
  return Value(hash);
}

Result<Value> hmac_digest(Thread& t, const Value* args) {
  const DigestAlgorithm* algorithm = TRY(digest_argument(t, args[2]));
  HeldBuffer key, message;
  TRY(key.get(t, args[0]));
  TRY(message.get(t, args[1]));
  std::string out;
  {
    BlockingRegion region(t);
    Hmac keyed;
    keyed.start(algorithm, key.bytes());
    keyed.inner.update(message.bytes());
    out = keyed.result();
  }
  return str_or_error(make_bytes(t, out));
}

Result<Value> pbkdf2_hmac(Thread& t, const Value* args) {
  if (!is_str(args[0]))
    return t.raise(Exc::TypeError, "pbkdf2_hmac() argument 'hash_name' must be str, not {}",
                   type_name(t, args[0]));
  std::string name = to_utf8(args[0].as<StrObject>());
  const DigestAlgorithm* algorithm = find_digest(name);
  if (algorithm == nullptr || algorithm->digest_size == 0)
    return t.raise(Exc::ValueError, "unsupported hash type {}", name);
  HeldBuffer password, salt;
  TRY(password.get(t, args[1]));
  TRY(salt.get(t, args[2]));
  int64_t iterations = TRY(to_int64(t, args[3])), length = algorithm->digest_size;
  if (iterations < 1) return t.raise(Exc::ValueError, "iteration value must be greater than 0.");
  if (!args[4].is_none()) length = TRY(to_int64(t, args[4]));
  if (length < 1) return t.raise(Exc::ValueError, "key length must be greater than 0.");
  if (length > INT32_MAX) return t.raise(Exc::OverflowError, "key length is too great.");
  if (!os::has_room(2 * static_cast<size_t>(length))) return t.raise_memory_error();
  std::string out;
  {
    BlockingRegion region(t);
    out = pbkdf2(algorithm, password.bytes(), salt.bytes(), static_cast<uint64_t>(iterations),
                 static_cast<size_t>(length));
  }
  return str_or_error(make_bytes(t, out));
}

Result<Value> hash_scrypt(Thread& t, const Value* args) {
  HeldBuffer password, salt;
  TRY(password.get(t, args[0]));
  if (args[1].is_none()) return t.raise(Exc::TypeError, "salt is required");
  TRY(salt.get(t, args[1]));
  int64_t n = TRY(to_int64(t, args[2])), r = TRY(to_int64(t, args[3])), p = TRY(to_int64(t, args[4]));
  int64_t memory = TRY(to_int64(t, args[5])), length = TRY(to_int64(t, args[6]));
  if (n < 2 || (n & (n - 1)) != 0) return t.raise(Exc::ValueError, "n must be a power of 2.");
  if (memory < 0 || memory > INT32_MAX)
    return t.raise(Exc::ValueError, "maxmem must be positive and smaller than {}", INT32_MAX);
  if (length < 1 || length > INT32_MAX)
    return t.raise(Exc::ValueError, "dklen must be greater than 0 and smaller than {}", INT32_MAX);
  if (memory == 0) memory = 32 << 20;  // OpenSSL's default
  __int128 needed = static_cast<__int128>(128) * r * (n + p + 2);
  if (r < 1 || p < 1 || r > INT32_MAX || p > INT32_MAX || static_cast<__int128>(r) * p > (1 << 30) ||
      needed > memory)
    return t.raise(Exc::ValueError, "Invalid parameter combination for n, r, p, maxmem.");
  // pbkdf2() of so many bytes is its first step.
  if (!os::has_room(static_cast<size_t>(needed) + 2 * static_cast<size_t>(length)))
    return t.raise_memory_error();
  std::string out;
  {
    BlockingRegion region(t);
    out = scrypt(password.bytes(), salt.bytes(), static_cast<uint64_t>(n), static_cast<uint32_t>(r),
                 static_cast<uint32_t>(p), static_cast<size_t>(length));
  }
  return str_or_error(make_bytes(t, out));
}

Result<Value> get_fips_mode(Thread&, const Value*) { return Value::from_int(0); }

// ---------------------------------------------------------------- BLAKE2

Result<uint64_t> tree_field(Thread& t, Value v, const char* name, uint64_t least, uint64_t most) {
  Value number = TRY(to_index(t, v));
  int64_t n;
  bool fits = int_to_int64(number, &n);
  if (most > UINT8_MAX && fits && n < 0) return t.raise(Exc::ValueError, "value must be positive");
  if (most > UINT8_MAX && (!fits || static_cast<uint64_t>(n) > most))
    return t.raise(Exc::OverflowError, "{} is too large", name);
  if (!fits) return t.raise(Exc::OverflowError, "Python int too large to convert to C int");
  if (n < static_cast<int64_t>(least) || static_cast<uint64_t>(n) > most)
    return t.raise(Exc::ValueError, "{} must be between {} and {}", name, least, most);
  return static_cast<uint64_t>(n);
}

// (cls, data, digest_size, key, salt, person, fanout, depth, leaf_size, node_offset, node_depth, inner_size,
// last_node, usedforsecurity)
Result<Value> blake2_new(Thread& t, const Value* args, const DigestAlgorithm* algorithm) {
  const bool wide = algorithm->kind == DigestKind::Blake2b;
  const size_t most = algorithm->digest_size, field = wide ? 16 : 8;
  Blake2Parameters p{};
  int64_t size = TRY(to_int64(t, args[2].is_empty() ? Value::from_int(static_cast<int64_t>(most)) : args[2]));
  if (size < 1 || size > static_cast<int64_t>(most))
    return t.raise(Exc::ValueError, "digest_size must be between 1 and {} bytes", most);
  p.digest_size = static_cast<uint8_t>(size);
  HeldBuffer key, salt, person;
  TRY(key.get(t, args[3]));
  TRY(salt.get(t, args[4]));
  TRY(person.get(t, args[5]));
  p.key = key.bytes(), p.salt = salt.bytes(), p.person = person.bytes();
  if (p.salt.size() > field) return t.raise(Exc::ValueError, "maximum salt length is {} bytes", field);
  if (p.person.size() > field) return t.raise(Exc::ValueError, "maximum person length is {} bytes", field);
  p.fanout = static_cast<uint8_t>(TRY(tree_field(t, args[6], "fanout", 0, 255)));
  p.depth = static_cast<uint8_t>(TRY(tree_field(t, args[7], "depth", 1, 255)));
  p.leaf_size = static_cast<uint32_t>(TRY(tree_field(t, args[8], "leaf_size", 0, UINT32_MAX)));
  p.node_offset = TRY(tree_field(t, args[9], "node_offset", 0, wide ? INT64_MAX : (uint64_t{1} << 48) - 1));
  p.node_depth = static_cast<uint8_t>(TRY(tree_field(t, args[10], "node_depth", 0, 255)));
  p.inner_size = static_cast<uint8_t>(TRY(tree_field(t, args[11], "inner_size", 0, most)));
  p.last_node = TRY(truth(t, args[12]));
  if (p.key.size() > most) return t.raise(Exc::ValueError, "maximum key length is {} bytes", most);
  auto* hash = t.heap().make<HashObject>(t, args[0].as<Type>());
  hash->digest.start_blake2(algorithm, p);
  TRY(feed(t, hash, args[1]));
  return Value(hash);
}
Result<Value> blake2b_new(Thread& t, const Value* args) {
  return blake2_new(t, args, find_digest("blake2b"));
}
Result<Value> blake2s_new(Thread& t, const Value* args) {
  return blake2_new(t, args, find_digest("blake2s"));
}

#define MP_BLAKE2_SIGNATURE                                                                        \
  "__new__(cls, data=b'', /, *, digest_size=?, key=b'', salt=b'', person=b'', fanout=1, depth=1, " \
  "leaf_size=0, node_offset=0, node_depth=0, inner_size=0, last_node=False, usedforsecurity=True)"
#define MP_BLAKE2_METHODS                                              \
  MP_HASH_METHODS, MP_METHOD(hash_digest, "digest(self, /)", nullptr), \
      MP_METHOD(hash_hexdigest, "hexdigest(self, /)", nullptr), MP_END
const NativeDef kBlake2bMethods[] = {MP_NEW(blake2b_new, MP_BLAKE2_SIGNATURE, nullptr), MP_BLAKE2_METHODS};
const NativeDef kBlake2sMethods[] = {MP_NEW(blake2s_new, MP_BLAKE2_SIGNATURE, nullptr), MP_BLAKE2_METHODS};

template <int kField, int kMost>
void blake2_constants(Thread& t, Type* type) {
  const std::pair<const char*, int> sizes[] = {
      {"SALT_SIZE", kField}, {"PERSON_SIZE", kField}, {"MAX_KEY_SIZE", kMost}, {"MAX_DIGEST_SIZE", kMost}};
  for (auto [name, size] : sizes) (void)type_set_attr_raw(t, type, intern(t, name), Value::from_int(size));
}
const TypeSpec kBlake2bSpec = {.name = "_blake2.blake2b",
                               .size = sizeof(HashObject),
                               .flags = 0,
                               .doc = "Return a new BLAKE2b hash object.",
                               .methods = kBlake2bMethods,
                               .getsets = kHashGetSets,
                               .init = blake2_constants<16, 64>};
const TypeSpec kBlake2sSpec = {.name = "_blake2.blake2s",
                               .size = sizeof(HashObject),
                               .flags = 0,
                               .doc = "Return a new BLAKE2s hash object.",
                               .methods = kBlake2sMethods,
                               .getsets = kHashGetSets,
                               .init = blake2_constants<8, 32>};

// ---------------------------------------------------------------- modules

const NativeDef kHashlibFunctions[] = {
    MP_FUNCTION(new_hash, "new(name, string=b'', *, usedforsecurity=True)",
                "Return a new hash object using the named algorithm."),
    MP_DIGEST(kMd5, "openssl_md5"),
    MP_DIGEST(kSha1, "openssl_sha1"),
    MP_DIGEST(kSha224, "openssl_sha224"),
    MP_DIGEST(kSha224 + 1, "openssl_sha256"),
    MP_DIGEST(kSha224 + 2, "openssl_sha384"),
    MP_DIGEST(kSha224 + 3, "openssl_sha512"),
    MP_DIGEST(kSha3, "openssl_sha3_224"),
    MP_DIGEST(kSha3 + 1, "openssl_sha3_256"),
    MP_DIGEST(kSha3 + 2, "openssl_sha3_384"),
    MP_DIGEST(kSha3 + 3, "openssl_sha3_512"),
    MP_DIGEST(kSha3 + 4, "openssl_shake_128"),
    MP_DIGEST(kSha3 + 5, "openssl_shake_256"),
    MP_FUNCTION(hmac_new, "hmac_new(key, msg=b'', digestmod=None)", "Return a new hmac object."),
    MP_FUNCTION(hmac_digest, "hmac_digest(key, msg, digest)", "Single-shot HMAC."),
    MP_FUNCTION(
        pbkdf2_hmac, "pbkdf2_hmac(hash_name, password, salt, iterations, dklen=None)",
        "Password based key derivation function 2 (PKCS #5 v2.0) with HMAC as pseudorandom function."),
    MP_FUNCTION(hash_scrypt, "scrypt(password, *, salt=None, n=0, r=0, p=0, maxmem=0, dklen=64)",
                "scrypt password-based key derivation function."),
    MP_FUNCTION(get_fips_mode, "get_fips_mode()", "Determine the OpenSSL FIPS mode of operation."),
    MP_END};
const NativeDef kMd5Functions[] = {MP_DIGEST(kMd5, "md5"), MP_END};
const NativeDef kSha1Functions[] = {MP_DIGEST(kSha1, "sha1"), MP_END};
const NativeDef kSha2Functions[] = {MP_DIGEST(kSha224, "sha224"), MP_DIGEST(kSha224 + 1, "sha256"),
                                    MP_DIGEST(kSha224 + 2, "sha384"), MP_DIGEST(kSha224 + 3, "sha512"),
                                    MP_END};
const NativeDef kSha3Functions[] = {MP_DIGEST(kSha3, "sha3_224"),
                                    MP_DIGEST(kSha3 + 1, "sha3_256"),
                                    MP_DIGEST(kSha3 + 2, "sha3_384"),
                                    MP_DIGEST(kSha3 + 3, "sha3_512"),
                                    MP_DIGEST(kSha3 + 4, "shake_128"),
                                    MP_DIGEST(kSha3 + 5, "shake_256"),
                                    MP_END};

Status init_hashlib(Thread& t, ModuleObject* module) {
  for (const TypeSpec* spec : {&kHashSpec, &kXofSpec, &kHmacSpec})
    if (module_add_type(t, module, *spec) == nullptr) return Error{};
  Value names[kDigestCount];
  for (size_t i = 0; i < kDigestCount; ++i) names[i] = intern(t, kDigests[i].name);
  TRY(module_add(t, module, "openssl_md_meth_names",
                 TRY(call(t, t.types().frozenset, {Value(make_tuple(t, names, kDigestCount))}))));
  TRY(module_add(t, module, "UnsupportedDigestmodError",
                 TRY(native_error(t, "_hashlib", "UnsupportedDigestmodError", Exc::ValueError))));
  Value operators = TRY(import_module(t, "_operator"));
  return module_add(t, module, "compare_digest", TRY(get_attr(t, operators, intern(t, "_compare_digest"))));
}
Status init_blake2(Thread& t, ModuleObject* module) {
  for (const TypeSpec* spec : {&kBlake2bSpec, &kBlake2sSpec})
    if (module_add_type(t, module, *spec) == nullptr) return Error{};
  return {};
}

}  // namespace

extern const ModuleSpec kHashlibModule, kBlake2Module, kMd5Module, kSha1Module, kSha2Module, kSha256Module,
    kSha512Module, kSha3Module;
const ModuleSpec kHashlibModule = {"_hashlib", "Digests and key derivation for hashlib and hmac.",
                                   kHashlibFunctions, init_hashlib};
const ModuleSpec kBlake2Module = {"_blake2", "_blake2b provides BLAKE2b for hashlib", nullptr, init_blake2};
const ModuleSpec kMd5Module = {"_md5", nullptr, kMd5Functions};
const ModuleSpec kSha1Module = {"_sha1", nullptr, kSha1Functions};
const ModuleSpec kSha2Module = {"_sha2", nullptr, kSha2Functions};
const ModuleSpec kSha256Module = {"_sha256", nullptr, kSha2Functions};  // 3.11's names for _sha2
const ModuleSpec kSha512Module = {"_sha512", nullptr, kSha2Functions};
const ModuleSpec kSha3Module = {"_sha3", nullptr, kSha3Functions};

}  // namespace mp
