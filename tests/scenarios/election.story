# The better priority wins, the other stays silent; the second burst of announcements comes after garp_master_delay.
node a priority=200
node b priority=100
run 9s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3218 ms  a announces 192.168.200.16 x5
  3218 ms  a MASTER
  8218 ms  a announces 192.168.200.16 x5
