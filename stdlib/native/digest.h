// Digest: one incremental hash computation, a plain copyable value. It knows bytes, not objects.
// MD5, SHA-1 and SHA-2 are OpenSSL's (its assembly is linked in, not its provider machinery: no start-up
// cost); SHA-3 (FIPS 202) and BLAKE2 (RFC 7693) are here, because OpenSSL offers them only through its
// providers and BLAKE2 not with salt, personalisation and tree parameters.
#pragma once
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/md5.h>
#include <openssl/sha.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mp {

enum class DigestKind : uint8_t { Md5, Sha1, Sha224, Sha256, Sha384, Sha512, Keccak, Blake2b, Blake2s };

struct DigestAlgorithm {
  const char* name;  // "sha3_256"
  DigestKind kind;
  uint8_t digest_size;  // bytes; 0: as long as the caller wishes (SHAKE)
  uint8_t block_size;
  uint8_t padding = 0;  // Keccak's domain byte
};

extern const DigestAlgorithm kDigests[];
extern const size_t kDigestCount;
const DigestAlgorithm* find_digest(std::string_view name);  // also "SHA256", "SHA3-256", "SHAKE-128"; or null

struct KeccakState {
  uint64_t lanes[25];
  uint32_t at;  // bytes absorbed into the current block
};

// The parameter block of BLAKE2 (RFC 7693, 2.5 and BLAKE2's own paper for the tree fields).
struct Blake2Parameters {
  uint8_t digest_size, fanout = 1, depth = 1, node_depth = 0, inner_size = 0;
  uint32_t leaf_size = 0;
  uint64_t node_offset = 0;
  bool last_node = false;
  std::string_view key, salt, person;
};

// Word is uint64_t for BLAKE2b, uint32_t for BLAKE2s.
template <class Word>
struct Blake2State {
  Word h[8];
  Word count[2];
  uint8_t block[16 * sizeof(Word)];
  uint8_t at, digest_size;
  bool last_node;
};

class Digest {
 public:
  Digest() = default;
  void start(const DigestAlgorithm* algorithm);
  void start_blake2(const DigestAlgorithm* algorithm, const Blake2Parameters& parameters);
  void update(std::string_view data);
  // Does not disturb the computation. `length` counts for SHAKE only.
  std::string result(size_t length = 0) const;
  const DigestAlgorithm* algorithm() const { return algorithm_; }
  size_t digest_size() const;

 private:
  const DigestAlgorithm* algorithm_;
  union {
    MD5_CTX md5_;
    SHA_CTX sha1_;
    SHA256_CTX sha256_;
    SHA512_CTX sha512_;
    KeccakState keccak_;
    Blake2State<uint64_t> blake2b_;
    Blake2State<uint32_t> blake2s_;
  };
};

// RFC 2104, RFC 8018 and RFC 7914.
struct Hmac {
  Digest inner, outer;
  void start(const DigestAlgorithm* algorithm, std::string_view key);
  std::string result() const;
};
std::string pbkdf2(const DigestAlgorithm* algorithm, std::string_view password, std::string_view salt,
                   uint64_t iterations, size_t length);
std::string scrypt(std::string_view password, std::string_view salt, uint64_t n, uint32_t r, uint32_t p,
                   size_t length);

}  // namespace mp
