// The hash of str and bytes, and the intern table that stands on it.
#include <sys/random.h>

#include <cstdlib>
#include <ctime>

#include "vm/types/intern.h"
#include "vm/types/runtime.h"
#include "vm/types/str_internal.h"

namespace mp {

namespace {

// One seed per process: hashes must agree between runtimes that exchange nothing but text, and str_hash()
// takes no Thread.
struct HashSeed {
  uint64_t key0 = 0, key1 = 0;
  bool reproducible = false;  // PYTHONHASHSEED=n: the same SipHash-1-3 and key as CPython, so that sets of
                              // str print in the same order

  HashSeed() {
    const char* text = std::getenv("PYTHONHASHSEED");
    if (text != nullptr && text[0] >= '0' && text[0] <= '9') {
      reproducible = true;
      uint32_t x = static_cast<uint32_t>(std::strtoul(text, nullptr, 10));
      if (x == 0) return;
      uint8_t bytes[16];
      for (uint8_t& byte : bytes) {
        x = x * 214013 + 2531011;
        byte = static_cast<uint8_t>(x >> 16);
      }
      std::memcpy(&key0, bytes, 8);
      std::memcpy(&key1, bytes + 8, 8);
      return;
    }
    uint64_t keys[2] = {0x9e3779b97f4a7c15u, static_cast<uint64_t>(std::time(nullptr))};
    if (getrandom(keys, sizeof keys, GRND_NONBLOCK) != sizeof keys)
      keys[1] ^= reinterpret_cast<uintptr_t>(&keys);
    key0 = keys[0];
    key1 = keys[1] | 1;
  }
};

const HashSeed& hash_seed() {
  static const HashSeed seed;
  return seed;
}

uint64_t read_partial(const uint8_t* p, size_t size) {
  uint64_t word = 0;
  std::memcpy(&word, p, size);
  return word;
}

struct SipState {
  uint64_t v0, v1, v2, v3;
  void round() {
    v0 += v1, v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0, v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1, v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2, v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }
};

uint64_t sip13(const uint8_t* p, size_t size, uint64_t key0, uint64_t key1) {
  SipState s{key0 ^ 0x736f6d6570736575u, key1 ^ 0x646f72616e646f6du, key0 ^ 0x6c7967656e657261u,
             key1 ^ 0x7465646279746573u};
  uint64_t last = static_cast<uint64_t>(size) << 56;
  for (; size >= 8; size -= 8, p += 8) {
    uint64_t word = read_partial(p, 8);
    s.v3 ^= word;
    s.round();
    s.v0 ^= word;
  }
  last |= read_partial(p, size);
  s.v3 ^= last;
  s.round();
  s.v0 ^= last;
  s.v2 ^= 0xff;
  s.round();
  s.round();
  s.round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

// Folded 128-bit multiplication: every input bit reaches every output bit.
inline uint64_t mix(uint64_t a, uint64_t b) {
  __uint128_t product = static_cast<__uint128_t>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t fast_hash(const uint8_t* p, size_t size, uint64_t key0, uint64_t key1) {
  uint64_t h = key0 ^ (size * 0x9e3779b97f4a7c15u);
  size_t left = size;
  for (; left > 16; left -= 16, p += 16)
    h = mix(read_partial(p, 8) ^ key1 ^ h, read_partial(p + 8, 8) ^ 0xd6e8feb86659fd93u ^ std::rotl(h, 29));
  uint64_t a = 0, b = 0;
  if (left >= 8) {
    a = read_partial(p, 8);
    b = read_partial(p + left - 8, 8);
  } else if (left >= 4) {
    uint32_t low, high;
    std::memcpy(&low, p, 4);
    std::memcpy(&high, p + left - 4, 4);
    a = low, b = high;
  } else if (left > 0) {
    a = static_cast<uint64_t>(p[0]) << 16 | static_cast<uint64_t>(p[left >> 1]) << 8 | p[left - 1];
  }
  h = mix(a ^ key1 ^ h, b ^ 0xa0761d6478bd642fu ^ std::rotl(h, 17));
  return mix(h ^ key0, 0xe7037ed1a0b428dbu);
}

}  // namespace

int64_t hash_bytes(const void* data, size_t size) {
  if (size == 0) return 0;
  const HashSeed& seed = hash_seed();
  auto* p = static_cast<const uint8_t*>(data);
  auto h = static_cast<int64_t>(seed.reproducible ? sip13(p, size, seed.key0, seed.key1)
                                                  : fast_hash(p, size, seed.key0, seed.key1));
  return h == -1 ? -2 : h;
}

// ---------------------------------------------------------------- interning

static InternTable::Stripe& stripe_of(InternTable& table, int64_t hash) {
  return table.stripes[(static_cast<uint64_t>(hash) >> 48) % InternTable::kStripes];
}

static void grow_stripe(InternTable::Stripe& stripe) {
  std::vector<StrObject*> old(stripe.cells.empty() ? 64 : stripe.cells.size() * 2);
  old.swap(stripe.cells);
  size_t mask = stripe.cells.size() - 1;
  for (StrObject* s : old) {
    if (s == nullptr) continue;
    size_t i = static_cast<uint64_t>(str_hash(s)) & mask;
    while (stripe.cells[i] != nullptr) i = (i + 1) & mask;
    stripe.cells[i] = s;
  }
}

StrObject* InternTable::intern(StrObject* s) {
  if (s == nullptr || s->has_flag(kFlagInterned)) return s;
  int64_t hash = str_hash(s);
  Stripe& stripe = stripe_of(*this, hash);
  std::lock_guard<std::mutex> guard(stripe.mutex);
  if (stripe.used * 2 >= stripe.cells.size()) grow_stripe(stripe);
  size_t mask = stripe.cells.size() - 1;
  size_t i = static_cast<uint64_t>(hash) & mask;
  for (; stripe.cells[i] != nullptr; i = (i + 1) & mask)
    if (str_hash(stripe.cells[i]) == hash && str_equal(stripe.cells[i], s)) return stripe.cells[i];
  stripe.cells[i] = s;
  ++stripe.used;
  stripe.fresh.push_back(s);
  s->set_flag(kFlagInterned);
  return s;
}

StrObject* InternTable::find(std::string_view ascii, int64_t hash) {
  Stripe& stripe = stripe_of(*this, hash);
  std::lock_guard<std::mutex> guard(stripe.mutex);
  if (stripe.cells.empty()) return nullptr;
  size_t mask = stripe.cells.size() - 1;
  for (size_t i = static_cast<uint64_t>(hash) & mask; stripe.cells[i] != nullptr; i = (i + 1) & mask)
    if (str_hash(stripe.cells[i]) == hash && str_equal(stripe.cells[i], ascii)) return stripe.cells[i];
  return nullptr;
}

// An interned str is exact and has its text in its own cell.
void InternTable::scan(void* table, Tracer& tracer) {
  for (Stripe& stripe : static_cast<InternTable*>(table)->stripes)
    std::erase_if(stripe.fresh, [&](StrObject* s) { return tracer.mark_immortal(s); });
}

StrObject* intern(Thread& t, std::string_view utf8) {
  InternTable& table = *t.runtime().interned;
  auto* data = reinterpret_cast<const uint8_t*>(utf8.data());
  if (all_ascii(data, utf8.size()))
    if (StrObject* known = table.find(utf8, hash_bytes(data, utf8.size()))) return known;
  return table.intern(make_str(t, utf8));
}

StrObject* intern(Thread& t, StrObject* s) {
  if (s->has_flag(kFlagInterned)) return s;
  // A growth buffer would outlive its use for ever, and a subclass instance is not canonical.
  if (s->is_external() || s->type() != t.types().str) {
    StrObject* copy = allocate_str(t, s->length(), s->width(), s->is_ascii());
    if (copy == nullptr) return s;
    std::memcpy(copy->data(), s->data8(), s->byte_size());
    s = copy;
  }
  return t.runtime().interned->intern(s);
}

bool is_interned(const StrObject* s) { return s->has_flag(kFlagInterned); }

}  // namespace mp
