#include "stdlib/native/digest.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

namespace mp {

const DigestAlgorithm kDigests[] = {{"md5", DigestKind::Md5, 16, 64},
                                    {"sha1", DigestKind::Sha1, 20, 64},
                                    {"sha224", DigestKind::Sha224, 28, 64},
                                    {"sha256", DigestKind::Sha256, 32, 64},
                                    {"sha384", DigestKind::Sha384, 48, 128},
                                    {"sha512", DigestKind::Sha512, 64, 128},
                                    {"sha3_224", DigestKind::Keccak, 28, 144, 6},
                                    {"sha3_256", DigestKind::Keccak, 32, 136, 6},
                                    {"sha3_384", DigestKind::Keccak, 48, 104, 6},
                                    {"sha3_512", DigestKind::Keccak, 64, 72, 6},
                                    {"shake_128", DigestKind::Keccak, 0, 168, 0x1f},
                                    {"shake_256", DigestKind::Keccak, 0, 136, 0x1f},
                                    {"blake2b", DigestKind::Blake2b, 64, 128},
                                    {"blake2s", DigestKind::Blake2s, 32, 64}};
const size_t kDigestCount = std::size(kDigests);

const DigestAlgorithm* find_digest(std::string_view name) {
  std::string plain;
  for (char c : name) plain += c == '-' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c;
  if (plain == "shake128" || plain == "shake256") plain.insert(5, "_");
  if (plain.starts_with("sha_")) plain.erase(3, 1);
  for (const DigestAlgorithm& algorithm : kDigests)
    if (plain == algorithm.name) return &algorithm;
  return nullptr;
}

namespace {

// ---------------------------------------------------------------- Keccak-f[1600]

void permute(uint64_t* a) {
  uint8_t shift_register = 1;  // the round constants come from this LFSR (FIPS 202, 3.2.5)
  for (int round = 0; round < 24; ++round) {
    uint64_t c[5], d;
    for (int x = 0; x < 5; ++x) c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (int x = 0; x < 5; ++x) {
      d = c[(x + 4) % 5] ^ std::rotl(c[(x + 1) % 5], 1);
      for (int y = 0; y < 25; y += 5) a[x + y] ^= d;
    }
    // rho and pi move every lane but the first along one cycle
    uint64_t moving = a[1];
    for (int t = 0, x = 1, y = 0; t < 24; ++t) {
      int next_y = (2 * x + 3 * y) % 5;
      x = y, y = next_y;
      uint64_t& lane = a[x + 5 * y];
      uint64_t placed = std::rotl(moving, (t + 1) * (t + 2) / 2 % 64);
      moving = lane;
      lane = placed;
    }
    for (int row = 0; row < 25; row += 5) {
      for (int i = 0; i < 5; ++i) c[i] = a[row + i];
      for (int i = 0; i < 5; ++i) a[row + i] = c[i] ^ (~c[(i + 1) % 5] & c[(i + 2) % 5]);
    }
    for (int bit = 0; bit < 7; ++bit) {
      if (shift_register & 1) a[0] ^= uint64_t{1} << ((1 << bit) - 1);
      shift_register = static_cast<uint8_t>(shift_register << 1 ^ (shift_register & 0x80 ? 0x71 : 0));
    }
  }
}

void xor_byte(KeccakState& s, size_t at, uint8_t byte) { s.lanes[at / 8] ^= uint64_t{byte} << at % 8 * 8; }

void keccak_update(KeccakState& s, std::string_view data, size_t rate) {
  for (size_t i = 0; i < data.size();) {
    if (s.at % 8 == 0 && data.size() - i >= 8) {
      uint64_t lane;
      memcpy(&lane, data.data() + i, 8);
      s.lanes[s.at / 8] ^= lane;
      s.at += 8, i += 8;
    } else {
      xor_byte(s, s.at++, static_cast<uint8_t>(data[i++]));
    }
    if (s.at == rate) permute(s.lanes), s.at = 0;
  }
}

std::string keccak_result(KeccakState s, size_t rate, uint8_t padding, size_t length) {
  xor_byte(s, s.at, padding);
  xor_byte(s, rate - 1, 0x80);
  std::string out;
  while (out.size() < length) {
    permute(s.lanes);
    out.append(reinterpret_cast<const char*>(s.lanes), std::min(rate, length - out.size()));
  }
  return out;
}

// ---------------------------------------------------------------- BLAKE2

template <class Word>
struct Blake2;
template <>
struct Blake2<uint64_t> {
  static constexpr int kRounds = 12, kRotations[4] = {32, 24, 16, 63};
  static constexpr uint64_t kStart[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                         0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                         0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
};
template <>
struct Blake2<uint32_t> {
  static constexpr int kRounds = 10, kRotations[4] = {16, 12, 8, 7};
  static constexpr uint32_t kStart[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
};

constexpr uint8_t kSigma[10][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
                                    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
                                    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
                                    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
                                    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
                                    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
                                    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
                                    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
                                    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

template <class Word>
void compress(Blake2State<Word>& s, bool last) {
  using B = Blake2<Word>;
  Word m[16], v[16];
  memcpy(m, s.block, sizeof m);
  for (int i = 0; i < 8; ++i) v[i] = s.h[i], v[i + 8] = B::kStart[i];
  v[12] ^= s.count[0];
  v[13] ^= s.count[1];
  if (last) v[14] = ~v[14];
  if (last && s.last_node) v[15] = ~v[15];
  auto mix = [&](int a, int b, int c, int d, Word x, Word y) {
    v[a] += v[b] + x;
    v[d] = std::rotr(v[d] ^ v[a], B::kRotations[0]);
    v[c] += v[d];
    v[b] = std::rotr(v[b] ^ v[c], B::kRotations[1]);
    v[a] += v[b] + y;
    v[d] = std::rotr(v[d] ^ v[a], B::kRotations[2]);
    v[c] += v[d];
    v[b] = std::rotr(v[b] ^ v[c], B::kRotations[3]);
  };
  for (int round = 0; round < B::kRounds; ++round) {
    const uint8_t* sigma = kSigma[round % 10];
    for (int i = 0; i < 4; ++i) mix(i, i + 4, i + 8, i + 12, m[sigma[2 * i]], m[sigma[2 * i + 1]]);
    for (int i = 0; i < 4; ++i)
      mix(i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12, m[sigma[2 * i + 8]], m[sigma[2 * i + 9]]);
  }
  for (int i = 0; i < 8; ++i) s.h[i] ^= v[i] ^ v[i + 8];
}

template <class Word>
void blake2_count(Blake2State<Word>& s, Word bytes) {
  s.count[0] += bytes;
  s.count[1] += s.count[0] < bytes;
}

// A full block is compressed only when more data follows: the last one is marked.
template <class Word>
void blake2_update(Blake2State<Word>& s, std::string_view data) {
  while (!data.empty()) {
    if (s.at == sizeof s.block) {
      blake2_count<Word>(s, sizeof s.block);
      compress(s, false);
      s.at = 0;
    }
    size_t n = std::min(sizeof s.block - s.at, data.size());
    memcpy(s.block + s.at, data.data(), n);
    s.at = static_cast<uint8_t>(s.at + n);
    data.remove_prefix(n);
  }
}

template <class Word>
void blake2_start(Blake2State<Word>& s, const Blake2Parameters& p) {
  constexpr bool kWide = sizeof(Word) == 8;
  uint8_t block[8 * sizeof(Word)] = {p.digest_size, static_cast<uint8_t>(p.key.size()), p.fanout, p.depth};
  memcpy(block + 4, &p.leaf_size, 4);
  memcpy(block + 8, &p.node_offset, kWide ? 8 : 6);
  block[kWide ? 16 : 14] = p.node_depth;
  block[kWide ? 17 : 15] = p.inner_size;
  memcpy(block + (kWide ? 32 : 16), p.salt.data(), p.salt.size());
  memcpy(block + (kWide ? 48 : 24), p.person.data(), p.person.size());
  s = {};
  memcpy(s.h, block, sizeof block);
  for (int i = 0; i < 8; ++i) s.h[i] ^= Blake2<Word>::kStart[i];
  s.digest_size = p.digest_size;
  s.last_node = p.last_node;
  if (!p.key.empty()) {
    std::string padded(p.key);
    padded.resize(sizeof s.block);
    blake2_update(s, padded);
  }
}

template <class Word>
std::string blake2_result(Blake2State<Word> s) {
  blake2_count<Word>(s, s.at);
  memset(s.block + s.at, 0, sizeof s.block - s.at);
  compress(s, true);
  return {reinterpret_cast<const char*>(s.h), s.digest_size};
}

}  // namespace

// ---------------------------------------------------------------- Digest

void Digest::start(const DigestAlgorithm* algorithm) {
  algorithm_ = algorithm;
  switch (algorithm->kind) {
    case DigestKind::Md5: MD5_Init(&md5_); break;
    case DigestKind::Sha1: SHA1_Init(&sha1_); break;
    case DigestKind::Sha224: SHA224_Init(&sha256_); break;
    case DigestKind::Sha256: SHA256_Init(&sha256_); break;
    case DigestKind::Sha384: SHA384_Init(&sha512_); break;
    case DigestKind::Sha512: SHA512_Init(&sha512_); break;
    case DigestKind::Keccak: keccak_ = {}; break;
    case DigestKind::Blake2b:
    case DigestKind::Blake2s: start_blake2(algorithm, {.digest_size = algorithm->digest_size}); break;
  }
}

void Digest::start_blake2(const DigestAlgorithm* algorithm, const Blake2Parameters& parameters) {
  algorithm_ = algorithm;
  if (algorithm->kind == DigestKind::Blake2b)
    blake2_start(blake2b_, parameters);
  else
    blake2_start(blake2s_, parameters);
}

void Digest::update(std::string_view data) {
  switch (algorithm_->kind) {
    case DigestKind::Md5: MD5_Update(&md5_, data.data(), data.size()); break;
    case DigestKind::Sha1: SHA1_Update(&sha1_, data.data(), data.size()); break;
    case DigestKind::Sha224:
    case DigestKind::Sha256: SHA256_Update(&sha256_, data.data(), data.size()); break;
    case DigestKind::Sha384:
    case DigestKind::Sha512: SHA512_Update(&sha512_, data.data(), data.size()); break;
    case DigestKind::Keccak: keccak_update(keccak_, data, algorithm_->block_size); break;
    case DigestKind::Blake2b: blake2_update(blake2b_, data); break;
    case DigestKind::Blake2s: blake2_update(blake2s_, data); break;
  }
}

std::string Digest::result(size_t length) const {
  Digest last = *this;  // finishing changes the state
  unsigned char out[64];
  switch (algorithm_->kind) {
    case DigestKind::Md5: MD5_Final(out, &last.md5_); break;
    case DigestKind::Sha1: SHA1_Final(out, &last.sha1_); break;
    case DigestKind::Sha224: SHA224_Final(out, &last.sha256_); break;
    case DigestKind::Sha256: SHA256_Final(out, &last.sha256_); break;
    case DigestKind::Sha384: SHA384_Final(out, &last.sha512_); break;
    case DigestKind::Sha512: SHA512_Final(out, &last.sha512_); break;
    case DigestKind::Keccak:
      return keccak_result(last.keccak_, algorithm_->block_size, algorithm_->padding,
                           algorithm_->digest_size != 0 ? algorithm_->digest_size : length);
    case DigestKind::Blake2b: return blake2_result(last.blake2b_);
    case DigestKind::Blake2s: return blake2_result(last.blake2s_);
  }
  return {reinterpret_cast<const char*>(out), algorithm_->digest_size};
}

size_t Digest::digest_size() const {
  if (algorithm_->kind == DigestKind::Blake2b) return blake2b_.digest_size;
  if (algorithm_->kind == DigestKind::Blake2s) return blake2s_.digest_size;
  return algorithm_->digest_size;
}

// ---------------------------------------------------------------- keyed

void Hmac::start(const DigestAlgorithm* algorithm, std::string_view key) {
  inner.start(algorithm);
  std::string pad(key);
  if (pad.size() > algorithm->block_size) {
    inner.update(key);
    pad = inner.result();
    inner.start(algorithm);
  }
  pad.resize(algorithm->block_size);
  for (char& c : pad) c ^= 0x36;
  inner.update(pad);
  for (char& c : pad) c ^= 0x36 ^ 0x5c;
  outer.start(algorithm);
  outer.update(pad);
}

std::string Hmac::result() const {
  Digest last = outer;
  last.update(inner.result());
  return last.result();
}

std::string pbkdf2(const DigestAlgorithm* algorithm, std::string_view password, std::string_view salt,
                   uint64_t iterations, size_t length) {
  Hmac keyed;
  keyed.start(algorithm, password);
  std::string out;
  for (uint32_t block = 1; out.size() < length; ++block) {
    const char number[4] = {static_cast<char>(block >> 24), static_cast<char>(block >> 16),
                            static_cast<char>(block >> 8), static_cast<char>(block)};
    Hmac first = keyed;
    first.inner.update(salt);
    first.inner.update({number, 4});
    std::string u = first.result(), sum = u;
    for (uint64_t i = 1; i < iterations; ++i) {
      Hmac next = keyed;
      next.inner.update(u);
      u = next.result();
      for (size_t k = 0; k < sum.size(); ++k) sum[k] ^= u[k];
    }
    out += sum;
  }
  out.resize(length);
  return out;
}

namespace {

void salsa20_8(uint32_t* block) {
  uint32_t x[16];
  memcpy(x, block, sizeof x);
  auto quarter = [&](int a, int b, int c, int d) {
    x[b] ^= std::rotl(x[a] + x[d], 7);
    x[c] ^= std::rotl(x[b] + x[a], 9);
    x[d] ^= std::rotl(x[c] + x[b], 13);
    x[a] ^= std::rotl(x[d] + x[c], 18);
  };
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < 4; ++k) quarter(5 * k, (5 * k + 4) % 16, (5 * k + 8) % 16, (5 * k + 12) % 16);
    for (int k = 0; k < 4; ++k) quarter(5 * k, 4 * k + (k + 1) % 4, 4 * k + (k + 2) % 4, 4 * k + (k + 3) % 4);
  }
  for (int i = 0; i < 16; ++i) block[i] += x[i];
}

// RFC 7914, 4: even blocks go to the first half of the result, odd ones to the second.
void block_mix(std::vector<uint32_t>& blocks, std::vector<uint32_t>& scratch, uint32_t r) {
  uint32_t x[16];
  memcpy(x, &blocks[(2 * r - 1) * 16], sizeof x);
  for (uint32_t i = 0; i < 2 * r; ++i) {
    for (int k = 0; k < 16; ++k) x[k] ^= blocks[i * 16 + static_cast<uint32_t>(k)];
    salsa20_8(x);
    memcpy(&scratch[(i / 2 + i % 2 * r) * 16], x, sizeof x);
  }
  blocks.swap(scratch);
}

}  // namespace

std::string scrypt(std::string_view password, std::string_view salt, uint64_t n, uint32_t r, uint32_t p,
                   size_t length) {
  const DigestAlgorithm* sha256 = find_digest("sha256");
  const size_t words = size_t{32} * r;
  std::string mixed = pbkdf2(sha256, password, salt, 1, p * words * 4);
  std::vector<uint32_t> x(words), scratch(words), table(words * n);
  for (uint32_t lane = 0; lane < p; ++lane) {
    memcpy(x.data(), mixed.data() + lane * words * 4, words * 4);
    for (uint64_t i = 0; i < n; ++i) {
      memcpy(&table[i * words], x.data(), words * 4);
      block_mix(x, scratch, r);
    }
    for (uint64_t i = 0; i < n; ++i) {
      uint64_t j = x[(2 * r - 1) * 16] & (n - 1);  // n is a power of two below 2**32 words of table
      for (size_t k = 0; k < words; ++k) x[k] ^= table[j * words + k];
      block_mix(x, scratch, r);
    }
    memcpy(mixed.data() + lane * words * 4, x.data(), words * 4);
  }
  return pbkdf2(sha256, password, mixed, 1, length);
}

}  // namespace mp
