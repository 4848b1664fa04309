package durable

// ForgetWriteIDs makes a store take every write without an answer for not done: the control that tests must find bad.
func (st *Store) ForgetWriteIDs() { st.forgetful = true }

// Encode and Decode are the document's format, for fuzzing.
func Decode(data []byte) ([]byte, error) {
	d, err := decodeDocument(data)
	if err != nil {
		return nil, err
	}
	return d.encode(), nil
}
