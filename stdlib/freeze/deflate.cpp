#include "freeze/deflate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <queue>

namespace {

constexpr size_t kWindow = 32768, kLongest = 258, kShortest = 3, kEndOfBlock = 256;
constexpr size_t kLiterals = 286, kDistances = 30, kLengthCodes = 19;
constexpr int kMaxBits = 15, kMaxLengthBits = 7;
constexpr int kRounds = 5;       // parse, choose the blocks, count again
constexpr int kChain = 1000;     // how many earlier places are tried for a match
constexpr int kUnseenBits = 13;  // what a symbol costs that the last round did not use

// RFC 1951, 3.2.5: the first length of each code from 257 on, the first distance of each code.
constexpr uint16_t kLengthBase[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                      31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
constexpr uint8_t kLengthExtra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                      2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
constexpr uint16_t kDistanceBase[30] = {1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                        33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                        1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
constexpr uint8_t kDistanceExtra[30] = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                        6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};
constexpr uint8_t kLengthOrder[kLengthCodes] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                11, 4,  12, 3, 13, 2, 14, 1, 15};

size_t length_code(size_t length) {
  return static_cast<size_t>(std::upper_bound(kLengthBase, kLengthBase + 29, length) - kLengthBase) - 1;
}
size_t distance_code(size_t distance) {
  return static_cast<size_t>(std::upper_bound(kDistanceBase, kDistanceBase + 30, distance) - kDistanceBase) -
         1;
}

// A literal (distance 0, its byte in `length`) or a match.
struct Token {
  uint16_t length = 0, distance = 0;
};
// The nearest place with a match of that many bytes.
struct Match {
  uint16_t length = 0, distance = 0;
};

// How often each symbol of both alphabets occurs.
struct Counts {
  std::array<uint32_t, kLiterals> literals{};
  std::array<uint32_t, kDistances> distances{};

  void add(Token token) {
    if (token.distance == 0) {
      ++literals[token.length];
    } else {
      ++literals[257 + length_code(token.length)];
      ++distances[distance_code(token.distance)];
    }
  }
  void add(const Counts& other) {
    for (size_t i = 0; i < kLiterals; ++i) literals[i] += other.literals[i];
    for (size_t i = 0; i < kDistances; ++i) distances[i] += other.distances[i];
  }
};

// The lengths of a Huffman code, none above `limit`: rare symbols are counted as less rare until they fit.
std::vector<uint8_t> code_lengths(const uint32_t* counts, size_t size, int limit) {
  std::vector<uint8_t> lengths(size, 0);
  std::vector<uint64_t> weights(counts, counts + size);
  size_t used = static_cast<size_t>(std::count_if(counts, counts + size, [](uint32_t n) { return n != 0; }));
  if (used <= 2) {
    for (size_t i = 0; i < size; ++i) lengths[i] = counts[i] != 0;
    return lengths;
  }
  for (;;) {
    using Node = std::pair<uint64_t, size_t>;
    std::priority_queue<Node, std::vector<Node>, std::greater<>> queue;
    std::vector<size_t> parent(2 * size, 0);
    for (size_t i = 0; i < size; ++i)
      if (weights[i] != 0) queue.emplace(weights[i], i);
    size_t next = size;
    while (queue.size() > 1) {
      Node a = queue.top();
      queue.pop();
      Node b = queue.top();
      queue.pop();
      parent[a.second] = parent[b.second] = next;
      queue.emplace(a.first + b.first, next++);
    }
    std::vector<int> depth(2 * size, 0);
    int deepest = 0;
    for (size_t i = next - 1; i-- > 0;) {
      if (i < size && weights[i] == 0) continue;
      depth[i] = depth[parent[i]] + 1;
      deepest = std::max(deepest, depth[i]);
    }
    if (deepest <= limit) {
      for (size_t i = 0; i < size; ++i)
        if (weights[i] != 0) lengths[i] = static_cast<uint8_t>(depth[i]);
      return lengths;
    }
    for (uint64_t& weight : weights)
      if (weight != 0) weight = weight / 2 + 1;
  }
}

// 3.2.2: codes in the order of their lengths; bit-reversed, as they are written.
std::vector<uint16_t> codes_of(const std::vector<uint8_t>& lengths) {
  std::vector<uint16_t> codes(lengths.size(), 0);
  uint16_t code = 0;
  for (int length = 1; length <= kMaxBits; ++length, code = static_cast<uint16_t>(code << 1)) {
    for (size_t i = 0; i < lengths.size(); ++i) {
      if (lengths[i] != length) continue;
      uint16_t reversed = 0;
      for (int bit = 0; bit < length; ++bit)
        if ((code >> bit & 1) != 0) reversed = static_cast<uint16_t>(reversed | 1 << (length - 1 - bit));
      codes[i] = reversed;
      ++code;
    }
  }
  return codes;
}

struct BitWriter {
  std::string bytes;
  uint64_t word = 0;
  int used = 0;

  void put(uint64_t value, int bits) {
    word |= value << used;
    for (used += bits; used >= 8; used -= 8, word >>= 8) bytes += static_cast<char>(word);
  }
};

// Both codes of a block.
struct Codes {
  std::vector<uint8_t> literals, distances;

  explicit Codes(const Counts& counts)
      : literals(code_lengths(counts.literals.data(), kLiterals, kMaxBits)),
        distances(code_lengths(counts.distances.data(), kDistances, kMaxBits)) {}
};

struct LengthSymbol {
  uint8_t symbol, extra, bits;
};
// 3.2.7: the lengths themselves, runs of them as one symbol.
std::vector<LengthSymbol> run_lengths(const std::vector<uint8_t>& lengths) {
  std::vector<LengthSymbol> out;
  for (size_t i = 0; i < lengths.size();) {
    size_t run = 1;
    while (i + run < lengths.size() && lengths[i + run] == lengths[i]) ++run;
    size_t left = run;
    uint8_t value = lengths[i];
    if (value != 0) {
      out.push_back({value, 0, 0});
      for (--left; left >= 3;) {
        size_t part = std::min<size_t>(left, 6);
        out.push_back({16, static_cast<uint8_t>(part - 3), 2});
        left -= part;
      }
    } else {
      while (left >= 3) {
        size_t part = std::min<size_t>(left, 138);
        if (part >= 11)
          out.push_back({18, static_cast<uint8_t>(part - 11), 7});
        else
          out.push_back({17, static_cast<uint8_t>(part - 3), 3});
        left -= part;
      }
    }
    for (; left > 0; --left) out.push_back({value, 0, 0});
    i += run;
  }
  return out;
}

void write_block(BitWriter* out, const std::vector<Token>& tokens, size_t begin, size_t end,
                 const Codes& codes, bool last) {
  std::vector<uint8_t> literal_lengths = codes.literals, distance_lengths = codes.distances;
  while (literal_lengths.size() > 257 && literal_lengths.back() == 0) literal_lengths.pop_back();
  while (distance_lengths.size() > 1 && distance_lengths.back() == 0) distance_lengths.pop_back();
  std::vector<uint8_t> all = literal_lengths;
  all.insert(all.end(), distance_lengths.begin(), distance_lengths.end());
  std::vector<LengthSymbol> runs = run_lengths(all);
  uint32_t counts[kLengthCodes] = {};
  for (LengthSymbol each : runs) ++counts[each.symbol];
  std::vector<uint8_t> bits = code_lengths(counts, kLengthCodes, kMaxLengthBits);
  if (std::count(bits.begin(), bits.end(), 0) == kLengthCodes - 1) bits[bits[0] == 0 ? 0 : 1] = 1;
  size_t given = kLengthCodes;
  while (given > 4 && bits[kLengthOrder[given - 1]] == 0) --given;
  out->put(last, 1);
  out->put(2, 2);
  out->put(literal_lengths.size() - 257, 5);
  out->put(distance_lengths.size() - 1, 5);
  out->put(given - 4, 4);
  for (size_t i = 0; i < given; ++i) out->put(bits[kLengthOrder[i]], 3);
  std::vector<uint16_t> length_codes = codes_of(bits);
  for (LengthSymbol each : runs) {
    out->put(length_codes[each.symbol], bits[each.symbol]);
    out->put(each.extra, each.bits);
  }
  std::vector<uint16_t> literals = codes_of(codes.literals), distances = codes_of(codes.distances);
  for (size_t i = begin; i < end; ++i) {
    Token token = tokens[i];
    if (token.distance == 0) {
      out->put(literals[token.length], codes.literals[token.length]);
      continue;
    }
    size_t length = length_code(token.length), distance = distance_code(token.distance);
    out->put(literals[257 + length], codes.literals[257 + length]);
    out->put(token.length - kLengthBase[length], kLengthExtra[length]);
    out->put(distances[distance], codes.distances[distance]);
    out->put(token.distance - kDistanceBase[distance], kDistanceExtra[distance]);
  }
  out->put(literals[kEndOfBlock], codes.literals[kEndOfBlock]);
}

// What each choice costs, in bits, with the codes of a block.
struct Costs {
  std::array<uint32_t, 256> literal{};
  std::array<uint32_t, kLongest + 1> length{};
  std::array<uint32_t, kDistances> distance{};

  Costs() {  // before anything is counted
    literal.fill(7);
    for (size_t i = kShortest; i <= kLongest; ++i) length[i] = 6u + kLengthExtra[length_code(i)];
    for (size_t i = 0; i < kDistances; ++i) distance[i] = 5u + kDistanceExtra[i];
  }
  explicit Costs(const Codes& codes) {
    auto bits = [](uint8_t length) { return length == 0 ? static_cast<uint32_t>(kUnseenBits) : length; };
    for (size_t i = 0; i < 256; ++i) literal[i] = bits(codes.literals[i]);
    for (size_t i = kShortest; i <= kLongest; ++i)
      length[i] = bits(codes.literals[257 + length_code(i)]) + kLengthExtra[length_code(i)];
    for (size_t i = 0; i < kDistances; ++i) distance[i] = bits(codes.distances[i]) + kDistanceExtra[i];
  }
};

class Deflater {
 public:
  Deflater(const std::string& bytes, const std::string& dictionary, const std::vector<size_t>& parts)
      : text_(dictionary + bytes), begin_(dictionary.size()), size_(bytes.size()) {
    for (size_t end : parts)
      if (end != 0 && (parts_.empty() || end > parts_.back())) parts_.push_back(end);
    if (parts_.empty() || parts_.back() != size_) parts_.push_back(size_);
    find_matches();
  }

  std::string run() {
    std::string best;
    std::vector<Costs> costs(parts_.size());
    for (int round = 0; round < kRounds; ++round) {
      std::vector<Token> tokens = parse(costs);
      std::string packed = write(tokens, &costs);
      if (best.empty() || packed.size() < best.size()) best = std::move(packed);
    }
    return best;
  }

 private:
  // For each place: ever longer matches, each at the nearest distance.
  void find_matches() {
    std::vector<int32_t> heads(1 << 16, -1), before(text_.size(), -1);
    first_match_.reserve(size_ + 1);
    for (size_t i = 0; i + kShortest <= text_.size(); ++i) {
      auto byte = [&](size_t at) { return static_cast<uint32_t>(static_cast<uint8_t>(text_[at])); };
      uint32_t hash = ((byte(i) | byte(i + 1) << 8 | byte(i + 2) << 16) * 0x9e3779b1u) >> 16;
      if (i >= begin_) {
        first_match_.push_back(matches_.size());
        size_t longest = 2, most = std::min(kLongest, text_.size() - i);
        int tries = kChain;
        for (int32_t at = heads[hash];
             at >= 0 && i - static_cast<size_t>(at) <= kWindow && --tries >= 0 && longest < most;
             at = before[static_cast<size_t>(at)]) {
          const char *a = &text_[i], *b = &text_[static_cast<size_t>(at)];
          if (a[longest] != b[longest]) continue;
          size_t length = 0;
          while (length < most && a[length] == b[length]) ++length;
          if (length <= longest) continue;
          longest = length;
          auto distance = static_cast<uint16_t>(i - static_cast<size_t>(at));
          matches_.push_back({static_cast<uint16_t>(length), distance});
        }
      }
      before[i] = heads[hash];
      heads[hash] = static_cast<int32_t>(i);
    }
    first_match_.resize(size_ + 1, matches_.size());
  }

  // The cheapest way from the first byte to the last.
  std::vector<Token> parse(const std::vector<Costs>& costs) const {
    std::vector<uint32_t> total(size_ + 1, UINT32_MAX);
    std::vector<Token> step(size_ + 1);
    total[0] = 0;
    size_t part = 0;
    for (size_t i = 0; i < size_; ++i) {
      while (parts_[part] <= i) ++part;
      const Costs& cost = costs[part];
      auto byte = static_cast<uint8_t>(text_[begin_ + i]);
      auto relax = [&](size_t to, uint32_t bits, Token token) {
        if (total[i] + bits >= total[to]) return;
        total[to] = total[i] + bits;
        step[to] = token;
      };
      relax(i + 1, cost.literal[byte], {byte, 0});
      size_t length = kShortest;
      for (size_t m = first_match_[i]; m < first_match_[i + 1]; ++m) {
        Match match = matches_[m];
        uint32_t distance = cost.distance[distance_code(match.distance)];
        for (; length <= match.length; ++length)
          relax(i + length, distance + cost.length[length], {static_cast<uint16_t>(length), match.distance});
      }
    }
    std::vector<Token> tokens;
    for (size_t i = size_; i > 0; i -= step[i].distance == 0 ? 1u : step[i].length) tokens.push_back(step[i]);
    std::reverse(tokens.begin(), tokens.end());
    return tokens;
  }

  // n log2 n.
  static double weighted_log(uint32_t n) {
    static const std::vector<double> small = [] {
      std::vector<double> values(4096, 0);
      for (size_t i = 1; i < values.size(); ++i) values[i] = static_cast<double>(i) * std::log2(i);
      return values;
    }();
    return n < small.size() ? small[n] : n * std::log2(n);
  }

  // About what a block of these symbols takes, its head included.
  static double bits_of(const Counts& counts) {
    double bits = 17 + 40;
    auto alphabet = [&](const uint32_t* each, size_t size, double head) {
      double sum = 0, weighted = 0;
      for (size_t i = 0; i < size; ++i) {
        if (each[i] == 0) continue;
        sum += each[i];
        weighted += weighted_log(each[i]);
        bits += head;
      }
      if (sum != 0) bits += sum * std::log2(sum) - weighted;
    };
    alphabet(counts.literals.data(), kLiterals, 3.5);
    alphabet(counts.distances.data(), kDistances, 3);
    return bits;
  }

  // Chooses the blocks for these tokens, writes them, and says what each part's choices cost there.
  std::string write(const std::vector<Token>& tokens, std::vector<Costs>* costs) const {
    std::vector<size_t> first = {0};  // of each part
    std::vector<Counts> counts(parts_.size());
    size_t part = 0, at = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
      for (; parts_[part] <= at; ++part) first.push_back(i);
      counts[part].add(tokens[i]);
      at += tokens[i].distance == 0 ? 1u : tokens[i].length;
    }
    first.resize(parts_.size() + 1, tokens.size());
    // The cheapest cut of the row of parts.
    std::vector<double> total(parts_.size() + 1, 1e300);
    std::vector<size_t> from(parts_.size() + 1, 0);
    total[0] = 0;
    for (size_t begin = 0; begin < parts_.size(); ++begin) {
      Counts sum;
      sum.literals[kEndOfBlock] = 1;
      for (size_t end = begin + 1; end <= parts_.size(); ++end) {
        sum.add(counts[end - 1]);
        double bits = total[begin] + bits_of(sum);
        if (bits >= total[end]) continue;
        total[end] = bits;
        from[end] = begin;
      }
    }
    std::vector<size_t> ends;
    for (size_t end = parts_.size(); end > 0; end = from[end]) ends.push_back(end);
    BitWriter out;
    size_t begin = 0;
    for (auto end = ends.rbegin(); end != ends.rend(); ++end) {
      Counts sum;
      sum.literals[kEndOfBlock] = 1;
      for (size_t i = begin; i < *end; ++i) sum.add(counts[i]);
      Codes codes(sum);
      write_block(&out, tokens, first[begin], first[*end], codes, *end == parts_.size());
      Costs cost(codes);
      std::fill(costs->begin() + static_cast<ptrdiff_t>(begin), costs->begin() + static_cast<ptrdiff_t>(*end),
                cost);
      begin = *end;
    }
    out.put(0, 7);
    return std::move(out.bytes);
  }

  std::string text_;
  size_t begin_, size_;
  std::vector<size_t> parts_;
  std::vector<Match> matches_;
  std::vector<size_t> first_match_;  // of each place; one more for the end
};

}  // namespace

std::string deflate_shortest(const std::string& bytes, const std::string& dictionary,
                             const std::vector<size_t>& parts) {
  return Deflater(bytes, dictionary, parts).run();
}
