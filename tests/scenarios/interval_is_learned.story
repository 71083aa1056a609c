# VRRPv3: a backup with another interval adopts the master's and does not take over too early.
node a version=3 priority=200 advert_int=2s garp_master_delay=0s
node b version=3 priority=100 advert_int=100ms garp_master_delay=0s nopreempt=yes
run 20s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
   360 ms  b announces 192.168.200.16 x5
   360 ms  b MASTER
  6437 ms  a announces 192.168.200.16 x5
  6437 ms  a MASTER
  6437 ms  b BACKUP
  6437 ms  a announces 192.168.200.16 x1
