# A suspended backup that wakes up shortly after the moment of its takeover has not heard what was said: it listens first.
node a priority=200 garp_master_delay=0s
node b priority=100 garp_master_delay=0s
run 5s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3218 ms  a announces 192.168.200.16 x5
  3218 ms  a MASTER
cut b
freeze b
run 3200ms
heal b
thaw b
run 6s
----
