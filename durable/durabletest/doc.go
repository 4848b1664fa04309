// Package durabletest is for those who write or use a [durable.Bucket]: [TestBucket] checks one, [Memory] is one, and
// [Faulty] makes one fail.
package durabletest
