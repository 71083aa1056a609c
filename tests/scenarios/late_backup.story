# A backup that was frozen while adverts were lost does not jump to master: it listens for an interval first.
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
run 10s
heal b
thaw b
run 6s
----
