# Somebody removes the address: the master steps back for its skew time and installs everything again.
node a priority=200 garp_master_delay=0s
node b priority=100 garp_master_delay=0s
run 5s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3218 ms  a announces 192.168.200.16 x5
  3218 ms  a MASTER
lose a 192.168.200.16
run 3s
----
  5000 ms  a BACKUP
  5218 ms  a announces 192.168.200.16 x5
  5218 ms  a MASTER
