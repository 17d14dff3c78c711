-- The same program as programs/table_ops.mp.
local function work(n)
  local rows, total = {}, 0
  for i = 0, n - 1 do rows[i + 1] = {id = i, name = "n" .. tostring(i % 10), value = i * 3 % 101} end
  local groups, names = {}, {}
  for _, row in ipairs(rows) do
    local key = row.name
    if not groups[key] then groups[key] = {count = 0, sum = 0}; names[#names + 1] = key end
    local g = groups[key]
    g.count = g.count + 1
    g.sum = g.sum + row.value
    row.seen = true
  end
  table.sort(names)
  for _, k in ipairs(names) do total = total + groups[k].sum * groups[k].count end
  return total
end

work(30000)
local start = os.clock()
local result = work(250000)
print("elapsed", os.clock() - start)
print("checksum", result)
