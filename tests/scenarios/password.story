# Another password is another world: both are master.
node a priority=200 password=one garp_master_delay=0s
node b priority=100 password=two garp_master_delay=0s
run 5s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3218 ms  a announces 192.168.200.16 x5
  3218 ms  a MASTER
  3609 ms  b announces 192.168.200.16 x5
  3609 ms  b MASTER
