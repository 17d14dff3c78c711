#include "freeze/coarse_positions.h"

#include <vector>

#include "lang/position_writer.h"

using namespace mp::lang;

namespace {

struct Entry {
  uint32_t words;
  CodePosition position;
  bool raises;
};

bool may_raise(const CodeUnit& unit, uint32_t start, uint32_t end) {
  for (uint32_t pc = start; pc < end;) {
    const OpInfo& info = op_info(unit.instruction(pc).opcode());
    if (info.effects & kRaises) return true;
    pc += static_cast<uint32_t>(info.length());
  }
  return false;
}

}  // namespace

void make_positions_coarse(CodeUnit& unit) {
  std::vector<Entry> entries;
  for (PositionReader reader(unit); reader.next();) {
    Entry next{reader.end() - reader.start(), reader.position(),
               may_raise(unit, reader.start(), reader.end())};
    Entry* last = entries.empty() ? nullptr : &entries.back();
    bool joins =
        last != nullptr && last->position.line == next.position.line && !(last->raises && next.raises);
    if (!joins) {
      entries.push_back(next);
      continue;
    }
    last->words += next.words;
    if (next.raises) last->position = next.position;
    last->raises |= next.raises;
  }
  PositionWriter writer(unit);
  for (Entry& each : entries) {
    if (!each.raises) each.position = {each.position.line, each.position.line, -1, -1};
    writer.add(each.words, each.position);
  }
  for (const auto& function : unit.functions) make_positions_coarse(*function);
}
