-- The same program as programs/quicksort.mp.
local function sort(a, lo, hi)
  while lo < hi do
    local p, i, j = a[(lo + hi) // 2], lo, hi
    while i <= j do
      while a[i] < p do i = i + 1 end
      while a[j] > p do j = j - 1 end
      if i <= j then
        a[i], a[j] = a[j], a[i]
        i = i + 1
        j = j - 1
      end
    end
    if j - lo < hi - i then
      sort(a, lo, j)
      lo = i
    else
      sort(a, i, hi)
      hi = j
    end
  end
end
local function work(n)
  local seed, a = 42, {}
  for i = 0, n - 1 do
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    a[i] = seed
  end
  sort(a, 0, n - 1)
  return a[0] + a[n // 2] + a[n - 1]
end

work(25000)
local start = os.clock()
local result = work(250000)
print("elapsed", os.clock() - start)
print("checksum", result)
