-- The same program as programs/binary_trees.mp.
local function make(d)
  if d == 0 then return {} end
  return {make(d - 1), make(d - 1)}
end
local function check(t)
  if not t[1] then return 1 end
  return 1 + check(t[1]) + check(t[2])
end
local function work(n)
  local total, long_lived = 0, make(n)
  for d = 4, n, 2 do
    for _ = 1, 1 << (n - d) do total = total + check(make(d)) end
  end
  return total + check(long_lived)
end

work(8)
local start = os.clock()
local result = work(17)
print("elapsed", os.clock() - start)
print("checksum", result)
